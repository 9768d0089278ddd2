using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Takes messages out of a mailbox for good; their references and blobs are left to <see cref="LooseBlobs"/>.</summary>
internal sealed class MailboxPurge(TableServiceClient service, LooseBlobs loose)
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

    private async Task<int> PurgeAsync(string mailboxId, List<TableEntity> rows, CancellationToken cancellationToken)
    {
        var entries = rows.ConvertAll(MailboxRow.ToEntry);
        await loose.NoteAsync(mailboxId, entries.Select(e => (e.Uid, e.MessageId, e.Blob)), cancellationToken);
        try
        {
            await _table.SubmitTransactionAsync(
                rows.Zip(entries).SelectMany(r => Deletes(r.First, r.Second)), cancellationToken);
            return rows.Count;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // One of them was restored, or another run is here too: each by itself.
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
