using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>
/// Purges the mail of accounts that were deleted longer ago than the retention. The row that files a mailbox decides
/// between a purge and a restore: each begins by writing it under the version that it has read.
/// </summary>
internal sealed class DeletedAccounts(
    TableServiceClient service, IDirectoryStore directory, DueIndex index, MailboxPurge purge, BusKnowledge bus, RetentionOptions retention, RunLimits limits, TimeProvider time)
    : IHousekeepingTask, IMailboxRetirement
{
    private readonly TableClient _table = service.GetTableClient(MailboxTable.MailboxesName);

    public string Name => "mail of deleted accounts";

    public async Task RetireAsync(AccountEntry account, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        try
        {
            await index.NoteAsync(DueKind.Account, now, account.MailboxId, account.Address.ToCanonicalString(), now, cancellationToken);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The deletion could not be noted", e);
        }
    }

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(limits, time);
        var now = time.GetUtcNow();
        var until = now - retention.Deleted;
        IReadOnlySet<string>? known = null;
        try
        {
            await foreach (var due in index.ReadAsync(DueKind.Account, until, cancellationToken))
            {
                known ??= await bus.ReadAsync(cancellationToken);
                if (known is null || bounds.AreReached)
                {
                    break;
                }

                if (due.At <= until && await SettleAsync(due, known, bounds, cancellationToken) is { } settled)
                {
                    await index.RemoveAsync(settled, now, cancellationToken);
                }
            }
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The mail of deleted accounts could not be purged", e);
        }

        return bounds.Done;
    }

    public async Task<IReadOnlyList<RetiredMailbox>> ListAsync(EmailAddress address, int top, CancellationToken cancellationToken)
    {
        try
        {
            var filed = await ReadAsync(address, cancellationToken);
            return [.. filed.Where(d => !d.IsPurging).OrderByDescending(d => d.At).Take(top).Select(d => new RetiredMailbox(d.MailboxId, d.At!.Value, d.At.Value + retention.Deleted))];
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The mailboxes of deleted accounts could not be read", e);
        }
    }

    public async Task<bool> KeepAsync(EmailAddress address, string mailboxId, CancellationToken cancellationToken)
    {
        try
        {
            return (await ReadAsync(address, cancellationToken)).Find(d => d.MailboxId == mailboxId) is { IsPurging: false } due
                && await index.ReplaceAsync(due, time.GetUtcNow(), isPurging: false, cancellationToken) is not null;
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The mailbox of a deleted account could not be kept", e);
        }
    }

    /// <summary>Of each mailbox that nobody has now, the latest note: the earlier ones are of deletions that came to nothing.</summary>
    private async Task<List<DueMailbox>> ReadAsync(EmailAddress address, CancellationToken cancellationToken)
    {
        var latest = new Dictionary<string, DueMailbox>();
        await foreach (var due in index.ReadAsync(DueKind.Account, address.ToCanonicalString(), cancellationToken))
        {
            latest[due.MailboxId] = due;
        }

        if (latest.Count > 0 && await directory.FindEntryAsync(address, cancellationToken) is AccountEntry account)
        {
            latest.Remove(account.MailboxId);
        }

        return [.. latest.Values];
    }

    /// <summary>The row as it is when nothing is left to do; null when something is, or a restore was quicker.</summary>
    private async Task<DueMailbox?> SettleAsync(DueMailbox due, IReadOnlySet<string> known, RunBounds bounds, CancellationToken cancellationToken)
    {
        if (!due.IsPurging)
        {
            if (await IsInUseAsync(due, cancellationToken) || await index.IsFiledLaterAsync(due, cancellationToken))
            {
                return due;
            }

            if (await index.ReplaceAsync(due, due.At, isPurging: true, cancellationToken) is not { } claimed)
            {
                return null;
            }

            due = claimed;
        }

        return await PurgeAsync(due.MailboxId, known, bounds, cancellationToken) ? due : null;
    }

    /// <summary>The account was not deleted after all, or has been given its mailbox back.</summary>
    private async Task<bool> IsInUseAsync(DueMailbox due, CancellationToken cancellationToken) =>
        EmailAddress.Parse(due.Address) is { } address
        && await directory.FindEntryAsync(address, cancellationToken) is AccountEntry account
        && account.MailboxId == due.MailboxId;

    /// <summary>True when nothing of the mailbox is left.</summary>
    private async Task<bool> PurgeAsync(string mailboxId, IReadOnlySet<string> known, RunBounds bounds, CancellationToken cancellationToken)
    {
        var partition = MailboxRow.Partition(mailboxId);
        foreach (var (from, to) in ((string, string)[])
            [(MailboxRow.DeletedPrefix, MailboxRow.AfterDeleted), (MailboxRow.MessagePrefix, MailboxRow.AfterMessages)])
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {from} and RowKey lt {to}");
            var (_, left) = await purge.PurgeAsync(mailboxId, filter, known, bounds, cancellationToken);
            if (left)
            {
                return false;
            }
        }

        await foreach (var rows in _table.QueryAsync<TableEntity>(
            TableClient.CreateQueryFilter($"PartitionKey eq {partition}"), 100, ["PartitionKey", "RowKey"], cancellationToken).AsPages(null, 100))
        {
            // A message that came meanwhile, for a sender who still knew the account, waits for the next run.
            foreach (var row in rows.Values.Where(r => !r.RowKey.StartsWith(MailboxRow.MessagePrefix, StringComparison.Ordinal)))
            {
                await _table.DeleteEntityAsync(row.PartitionKey, row.RowKey, ETag.All, cancellationToken);
            }
        }

        return true;
    }
}
