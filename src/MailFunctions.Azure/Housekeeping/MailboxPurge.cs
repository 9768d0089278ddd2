using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Messages;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Takes messages out of a mailbox for good; their references and blobs are left to <see cref="UnreferencedBlobs"/>.</summary>
internal sealed class MailboxPurge(TableServiceClient service, ReferencesTable references)
{
    /// <summary>A transaction takes 100 operations: the message's row and its `id:` row.</summary>
    private const int PerTransaction = 50;

    private readonly TableClient _table = service.GetTableClient(MailboxTable.MailboxesName);

    /// <summary>Purges the rows that a filter finds, but for messages that the bus still holds.</summary>
    /// <returns>How many are gone, and whether any of the rows is left.</returns>
    public async Task<(int Purged, bool AnyLeft)> PurgeAsync(
        string mailboxId, string filter, IReadOnlySet<string> inBus, RunBounds bounds, CancellationToken cancellationToken)
    {
        var (purged, left) = (0, false);
        await foreach (var page in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken).AsPages())
        {
            foreach (var rows in page.Values.Chunk(PerTransaction))
            {
                if (bounds.AreReached)
                {
                    return (purged, true);
                }

                var due = rows.Where(r => !inBus.Contains(MailboxRow.ToEntry(r).MessageId)).ToList();
                var gone = due.Count == 0 ? 0 : await PurgeAsync(mailboxId, due, cancellationToken);
                left |= gone < rows.Length;
                purged += gone;
                bounds.Did(gone);
            }
        }

        return (purged, left);
    }

    /// <summary>Purges all that a mailbox holds, and its other rows. True when nothing of it is left.</summary>
    public async Task<bool> PurgeAllAsync(
        string mailboxId, IReadOnlySet<string> inBus, RunBounds bounds, CancellationToken cancellationToken)
    {
        var partition = MailboxRow.Partition(mailboxId);
        foreach (var (from, to) in ((string, string)[])
            [(MailboxRow.DeletedPrefix, MailboxRow.AfterDeleted), (MailboxRow.MessagePrefix, MailboxRow.AfterMessages)])
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {from} and RowKey lt {to}");
            var (_, left) = await PurgeAsync(mailboxId, filter, inBus, bounds, cancellationToken);
            if (left)
            {
                return false;
            }
        }

        await foreach (var rows in _table.QueryAsync<TableEntity>(
            TableClient.CreateQueryFilter($"PartitionKey eq {partition}"),
            100,
            ["PartitionKey", "RowKey"],
            cancellationToken).AsPages(null, 100))
        {
            // A message that was delivered meanwhile waits for the next run.
            foreach (var row in rows.Values.Where(r => !r.RowKey.StartsWith(MailboxRow.MessagePrefix, StringComparison.Ordinal)))
            {
                await _table.DeleteEntityAsync(row.PartitionKey, row.RowKey, ETag.All, cancellationToken);
            }
        }

        return true;
    }

    private async Task<int> PurgeAsync(string mailboxId, List<TableEntity> rows, CancellationToken cancellationToken)
    {
        var entries = rows.ConvertAll(MailboxRow.ToEntry);
        await references.NoteAsync(entries.Select(e => new UnreferencedBlob(e.MessageId, e.Blob, mailboxId, e.Uid)), cancellationToken);
        try
        {
            await _table.SubmitTransactionAsync(
                rows.Zip(entries).SelectMany(r => Deletes(r.First, r.Second)), cancellationToken);
            return rows.Count;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // One of them was restored, or another run purges too: each by itself.
        }

        var purged = 0;
        foreach (var (row, entry) in rows.Zip(entries))
        {
            purged += await PurgeAsync(row, entry, cancellationToken) ? 1 : 0;
        }

        return purged;
    }

    private async Task<bool> PurgeAsync(TableEntity row, MailboxEntry entry, CancellationToken cancellationToken)
    {
        try
        {
            // A transaction, for a delete by itself takes it for done when the row is not there.
            await _table.SubmitTransactionAsync(Deletes(row, entry), cancellationToken);
            return true;
        }
        catch (TableTransactionFailedException e) when (e.Status == 404 && e.FailedTransactionActionIndex == 1)
        {
            // The row of the message alone is left.
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return false; // restored, or purged by another run
        }

        return (await _table.DeleteEntityAsync(row.PartitionKey, row.RowKey, row.ETag, cancellationToken)).Status != 404;
    }

    private static IEnumerable<TableTransactionAction> Deletes(TableEntity row, MailboxEntry entry) =>
    [
        new(TableTransactionActionType.Delete, row, row.ETag),
        new(TableTransactionActionType.Delete, new TableEntity(row.PartitionKey, MailboxRow.DeliveredKey(entry.MessageId)), ETag.All),
    ];
}
