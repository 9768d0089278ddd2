using MailFunctions.Core.Directory;

namespace MailFunctions.Core.Mailboxes;

/// <summary>The mail of a deleted account: kept as it is until the retention ends, then purged.</summary>
public interface IMailboxRetirement
{
    /// <summary>
    /// Notes that an account is about to be deleted; to be called before its entry goes. It does no harm when the entry then
    /// stays, or comes back with the same mailbox: that is looked at before anything is purged.
    /// </summary>
    Task RetireAsync(AccountEntry account, CancellationToken cancellationToken);
}
