using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>
/// Purges the mail of accounts that were deleted longer ago than the retention, unless <see cref="RetiredMailboxes"/> wrote
/// the mailbox's row first.
/// </summary>
internal sealed class DeletedAccounts(
    IDirectoryStore directory, ExpiryTable expiry, MailboxPurge purge, UndeliveredMail undelivered,
    RetentionOptions retention, RunLimits limits, TimeProvider time)
    : IHousekeepingTask
{
    public string Name => "mail of deleted accounts";

    public Task<int> RunAsync(CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The mail of deleted accounts could not be purged", () => SweepAsync(cancellationToken), cancellationToken);

    private async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(limits, time);
        var now = time.GetUtcNow();
        var until = now - retention.Deleted;
        IReadOnlySet<string>? inBus = null;
        await foreach (var mailbox in expiry.ReadAsync(ExpiryKind.DeletedAccount, until, cancellationToken))
        {
            inBus ??= await undelivered.ReadAsync(cancellationToken);
            if (inBus is null || bounds.AreReached)
            {
                break;
            }

            if (mailbox.At <= until && await SettleAsync(mailbox, inBus, bounds, cancellationToken) is { } settled)
            {
                await expiry.RemoveAsync(settled, now, cancellationToken);
            }
        }

        return bounds.Done;
    }

    /// <summary>The row as it is when nothing is left to do; null when something is, or the mailbox was restored first.</summary>
    private async Task<ExpiringMailbox?> SettleAsync(
        ExpiringMailbox mailbox, IReadOnlySet<string> inBus, RunBounds bounds, CancellationToken cancellationToken)
    {
        if (!mailbox.IsPurging)
        {
            if (await IsInUseAsync(mailbox, cancellationToken) || await expiry.IsFiledLaterAsync(mailbox, cancellationToken))
            {
                return mailbox;
            }

            if (await expiry.ReplaceAsync(mailbox, mailbox.At, isPurging: true, cancellationToken) is not { } claimed)
            {
                return null;
            }

            mailbox = claimed;
        }

        return await purge.PurgeAllAsync(mailbox.MailboxId, inBus, bounds, cancellationToken) ? mailbox : null;
    }

    /// <summary>The account was not deleted after all, or has been given its mailbox back.</summary>
    private async Task<bool> IsInUseAsync(ExpiringMailbox mailbox, CancellationToken cancellationToken) =>
        EmailAddress.Parse(mailbox.Address) is { } address
        && await directory.FindEntryAsync(address, cancellationToken) is AccountEntry account
        && account.MailboxId == mailbox.MailboxId;
}
