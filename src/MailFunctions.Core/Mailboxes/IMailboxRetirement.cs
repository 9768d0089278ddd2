using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;

namespace MailFunctions.Core.Mailboxes;

/// <summary>
/// The mail of a deleted account: kept as it is until the retention ends, then purged. Methods throw
/// <see cref="Messages.StoreUnavailableException"/>.
/// </summary>
public interface IMailboxRetirement
{
    /// <summary>
    /// Notes that an account is about to be deleted; to be called before its entry goes. It does no harm when the entry then
    /// stays, or comes back with the same mailbox: that is looked at before anything is purged.
    /// </summary>
    Task RetireAsync(AccountEntry account, CancellationToken cancellationToken);

    /// <summary>
    /// The mailboxes that accounts of this address had and that are still kept, the latest first; at most <paramref
    /// name="top"/>.
    /// </summary>
    Task<IReadOnlyList<RetiredMailbox>> ListAsync(EmailAddress address, int top, CancellationToken cancellationToken);

    /// <summary>
    /// Begins the retention of such a mailbox anew, so that its mail can be taken out of it. Of this and the purge, one
    /// wins: false when the purge has begun, or there is no such mailbox.
    /// </summary>
    Task<bool> KeepAsync(EmailAddress address, string mailboxId, CancellationToken cancellationToken);
}

/// <summary>A mailbox whose account is gone.</summary>
/// <param name="KeptUntil">Its mail may be purged from then on.</param>
public sealed record RetiredMailbox(string MailboxId, DateTimeOffset DeletedAt, DateTimeOffset KeptUntil);
