using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Deletes messages fetched longer ago than their account's rule says, as the client itself would: restorable.</summary>
internal sealed class ExpiredMail(
    MaildropTable maildrops, IDirectoryStore directory, ExpiryTable expiry, RunLimits limits, TimeProvider time) : IHousekeepingTask
{
    public string Name => "fetched mail past its account's rule";

    public Task<int> RunAsync(CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "Expired mail could not be deleted", () => SweepAsync(cancellationToken), cancellationToken);

    private async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(limits, time);
        var now = time.GetUtcNow();
        await foreach (var mailbox in expiry.ReadAsync(ExpiryKind.FetchedMail, now, cancellationToken))
        {
            if (bounds.AreReached)
            {
                break;
            }

            if (await ExpireAsync(mailbox, now, bounds, cancellationToken))
            {
                await expiry.RemoveAsync(mailbox, now, cancellationToken);
            }
        }

        return bounds.Done;
    }

    /// <summary>False when the mailbox has to be looked at again.</summary>
    private async Task<bool> ExpireAsync(ExpiringMailbox mailbox, DateTimeOffset now, RunBounds bounds, CancellationToken cancellationToken)
    {
        if (EmailAddress.Parse(mailbox.Address) is not { } address
            || await directory.FindEntryAsync(address, cancellationToken) is not AccountEntry { ExpireAfterDays: { } days } account
            || account.MailboxId != mailbox.MailboxId)
        {
            return true; // the rule or the account is gone
        }

        // Under the lock, since numbers and sizes are fixed for a session that has it.
        if (await maildrops.OpenAsync(new AuthenticatedAccount(address, account.MailboxId), cancellationToken)
            is not MaildropOpening.Opened { Maildrop: LockedMaildrop maildrop })
        {
            return false;
        }

        await using (maildrop)
        {
            var (uids, next) = await maildrop.FetchedAsync(now.AddDays(-days), cancellationToken);
            if (next?.AddDays(days) is { } later && later >= mailbox.Day.AddDays(1))
            {
                // The rule may have been made longer meanwhile.
                await expiry.NoteAsync(ExpiryKind.FetchedMail, later, account.MailboxId, mailbox.Address, null, cancellationToken);
            }

            var some = uids.Take(bounds.Left).ToList();
            var deleted = some.Count == 0 ? 0 : await maildrop.DeleteAsync(some, cancellationToken);
            bounds.Did(deleted);
            return deleted == uids.Count;
        }
    }
}
