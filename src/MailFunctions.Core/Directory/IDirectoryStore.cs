using MailFunctions.Core.Addresses;
using MailFunctions.Core.Storage;

namespace MailFunctions.Core.Directory;

/// <summary>Writes the tables `domains` and `directory`.</summary>
public interface IDirectoryStore : IDirectoryReader
{
    /// <summary>Creates when <c>ETag</c> is empty and no row is there; replaces when the ETag matches (`*` matches any).</summary>
    Task<Written> PutDomainAsync(MailDomain domain, CancellationToken cancellationToken);
    Task<WriteResult> DeleteDomainAsync(string domain, string etag, CancellationToken cancellationToken);
    Task<Written> PutEntryAsync(DirectoryEntry entry, CancellationToken cancellationToken);
    Task<WriteResult> DeleteEntryAsync(EmailAddress address, string etag, CancellationToken cancellationToken);
    Task<ListPage<MailDomain>> ListDomainsAsync(int top, string? continuation, CancellationToken cancellationToken);

    /// <summary>Domains with a DKIM selector whose time is over, <paramref name="top"/> of them at most.</summary>
    Task<IReadOnlyList<MailDomain>> ListRetiredDkimAsync(DateTimeOffset now, int top, CancellationToken cancellationToken);

    /// <summary>Entries of one kind, of one domain or of all of them, by address.</summary>
    Task<ListPage<T>> ListEntriesAsync<T>(string? domain, int top, string? continuation, CancellationToken cancellationToken)
        where T : DirectoryEntry;
}

/// <summary>What became of a conditional write.</summary>
public enum WriteResult
{
    Created,
    Replaced,

    /// <summary>The ETag asked for is no longer the row's, or a new row was asked for and there is one.</summary>
    Conflict,
    NotFound,
}

/// <summary>What became of a row that was to be put.</summary>
/// <param name="ETag">The version that is there now; empty when it was not put.</param>
public readonly record struct Written(WriteResult Result, string ETag = "");
