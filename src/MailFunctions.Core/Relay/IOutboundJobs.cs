using MailFunctions.Core.Storage;

namespace MailFunctions.Core.Relay;

/// <summary>The table `outbound`. Throws <see cref="Messages.StoreUnavailableException"/> when it can't be used.</summary>
public interface IOutboundJobs
{
    Task<OutboundJob?> FindAsync(string domain, string id, CancellationToken cancellationToken);

    /// <summary>By its id alone: for the postmaster, a query over all domains.</summary>
    Task<OutboundJob?> FindAsync(string id, CancellationToken cancellationToken);

    /// <summary>
    /// Creates when <c>ETag</c> is empty and no row is there, with the reference that keeps the blob; replaces when the
    /// ETag matches, an own write whose response was lost included. Returns the job with its new ETag, or null on a conflict.
    /// </summary>
    Task<OutboundJob?> PutAsync(OutboundJob job, CancellationToken cancellationToken);

    /// <summary>Removes the reference of a done job, so that the blob can be deleted.</summary>
    Task ReleaseBlobAsync(OutboundJob job, CancellationToken cancellationToken);

    /// <summary>Removes a row; a missing one counts as removed.</summary>
    Task RemoveAsync(OutboundJob job, CancellationToken cancellationToken);

    /// <summary>Jobs of one domain or all, in one state or (null) all but those that are done.</summary>
    Task<ListPage<OutboundJob>> ListAsync(
        string? domain, string? state, int top, string? continuation, CancellationToken cancellationToken);

    /// <summary>Jobs that should have been tried or reported before then.</summary>
    Task<IReadOnlyList<OutboundJob>> ListOverdueAsync(DateTimeOffset dueBefore, int top, CancellationToken cancellationToken);

    /// <summary>Jobs that ended before then.</summary>
    Task<IReadOnlyList<OutboundJob>> ListDoneAsync(DateTimeOffset doneBefore, int top, CancellationToken cancellationToken);
}
