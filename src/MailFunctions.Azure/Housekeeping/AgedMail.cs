using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Deletes messages fetched longer ago than their account's rule says, as the client itself would: restorable.</summary>
internal sealed class AgedMail(TableMaildrops maildrops, IDirectoryStore directory, DueIndex index, RunLimits limits, TimeProvider time) : IHousekeepingTask
{
    public string Name => "fetched mail past its account's rule";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(limits, time);
        var now = time.GetUtcNow();
        try
        {
            await foreach (var due in index.ReadAsync(DueKind.Aged, now, cancellationToken))
            {
                if (bounds.AreReached)
                {
                    break;
                }

                if (await AgeAsync(due, now, bounds, cancellationToken))
                {
                    await index.RemoveAsync(due, now, cancellationToken);
                }
            }
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("Fetched mail could not be aged out", e);
        }

        return bounds.Done;
    }

    /// <summary>False when the mailbox has to be looked at again.</summary>
    private async Task<bool> AgeAsync(DueMailbox due, DateTimeOffset now, RunBounds bounds, CancellationToken cancellationToken)
    {
        if (EmailAddress.Parse(due.Address) is not { } address
            || await directory.FindEntryAsync(address, cancellationToken) is not AccountEntry { ExpireAfterDays: { } days } account
            || account.MailboxId != due.MailboxId)
        {
            return true; // the rule or the account is gone
        }

        // Under the lock, since numbers and sizes are fixed for a session that has it.
        if (await maildrops.OpenAsync(new AuthenticatedAccount(address, account.MailboxId), cancellationToken)
            is not MaildropOpening.Opened { Maildrop: TableMaildrop maildrop })
        {
            return false;
        }

        await using (maildrop)
        {
            var (uids, next) = await maildrop.FetchedAsync(now.AddDays(-days), cancellationToken);
            if (next?.AddDays(days) is { } later && later >= due.Day.AddDays(1))
            {
                // The rule may have been made longer meanwhile.
                await index.NoteAsync(DueKind.Aged, later, account.MailboxId, due.Address, null, cancellationToken);
            }

            var some = uids.Take(bounds.Left).ToList();
            var deleted = some.Count == 0 ? 0 : await maildrop.DeleteAsync(some, cancellationToken);
            bounds.Did(deleted);
            return deleted == uids.Count;
        }
    }
}
