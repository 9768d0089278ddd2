using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Tables;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Purges the mail of accounts that were deleted longer ago than the retention.</summary>
internal sealed class DeletedAccounts(
    TableServiceClient service, IDirectoryStore directory, DueIndex index, MailboxPurge purge, BusKnowledge bus, RetentionOptions retention, TimeProvider time)
    : IHousekeepingTask, IMailboxRetirement
{
    private readonly TableClient _table = service.GetTableClient(MailboxTable.MailboxesName);

    public string Name => "mail of deleted accounts";

    public async Task RetireAsync(AccountEntry account, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        try
        {
            await index.NoteAsync(DueKind.Account, now, account.MailboxId, account.Address.ToCanonicalString(), now, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The deletion could not be noted", e);
        }
    }

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(time);
        var now = time.GetUtcNow();
        var until = now - retention.Deleted;
        IReadOnlySet<string>? known = null;
        try
        {
            await foreach (var due in index.ReadAsync(DueKind.Account, until, cancellationToken).ConfigureAwait(false))
            {
                known ??= await bus.ReadAsync(cancellationToken).ConfigureAwait(false);
                if (known is null || bounds.AreReached)
                {
                    break;
                }

                if (due.At <= until
                    && (await IsInUseAsync(due, cancellationToken).ConfigureAwait(false) || await PurgeAsync(due.MailboxId, known, bounds, cancellationToken).ConfigureAwait(false)))
                {
                    await index.RemoveAsync(due, now, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The mail of deleted accounts could not be purged", e);
        }

        return bounds.Done;
    }

    /// <summary>The account was not deleted after all, or has been given its mailbox back.</summary>
    private async Task<bool> IsInUseAsync(DueMailbox due, CancellationToken cancellationToken) =>
        EmailAddress.Parse(due.Address) is { } address
        && await directory.FindEntryAsync(address, cancellationToken).ConfigureAwait(false) is AccountEntry account
        && account.MailboxId == due.MailboxId;

    /// <summary>True when nothing of the mailbox is left.</summary>
    private async Task<bool> PurgeAsync(string mailboxId, IReadOnlySet<string> known, RunBounds bounds, CancellationToken cancellationToken)
    {
        var partition = MailboxRow.Partition(mailboxId);
        foreach (var (from, to) in ((string, string)[])
            [(MailboxRow.DeletedPrefix, MailboxRow.AfterDeleted), (MailboxRow.MessagePrefix, MailboxRow.AfterMessages)])
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {from} and RowKey lt {to}");
            var (_, left) = await purge.PurgeAsync(mailboxId, filter, known, bounds, cancellationToken).ConfigureAwait(false);
            if (left)
            {
                return false;
            }
        }

        await foreach (var rows in _table.QueryAsync<TableEntity>(
            TableClient.CreateQueryFilter($"PartitionKey eq {partition}"), 100, ["PartitionKey", "RowKey"], cancellationToken).AsPages(null, 100).ConfigureAwait(false))
        {
            // A message that came meanwhile, for a sender who still knew the account, waits for the next run.
            foreach (var row in rows.Values.Where(r => !r.RowKey.StartsWith(MailboxRow.MessagePrefix, StringComparison.Ordinal)))
            {
                await _table.DeleteEntityAsync(row.PartitionKey, row.RowKey, ETag.All, cancellationToken).ConfigureAwait(false);
            }
        }

        return true;
    }
}
