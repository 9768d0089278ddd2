using Azure.Data.Tables;
using MailFunctions.Azure.Storage;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>Reads of several messages' rows by their uids.</summary>
internal static class MailboxReads
{
    private const int PageSize = 1000;
    private const int ReadsAtOnce = 8;

    /// <summary>Those messages of a mailbox that are there: by one query when they stand close together, else each by itself.</summary>
    /// <param name="columns">Null: all.</param>
    public static async Task<List<TableEntity>> FindMessagesAsync(
        this TableClient table, string partition, uint[] uids, CancellationToken cancellationToken, IEnumerable<string>? columns = null)
    {
        var rows = new List<TableEntity>(uids.Length);
        if (uids.Max() - uids.Min() >= PageSize)
        {
            foreach (var few in uids.Chunk(ReadsAtOnce))
            {
                var found = await Task.WhenAll(few.Select(
                    uid => table.FindRowAsync(partition, MailboxRow.MessageKey(uid), cancellationToken, columns)));
                rows.AddRange(found.OfType<TableEntity>());
            }

            return rows;
        }

        var wanted = uids.ToHashSet();
        var (first, last) = (MailboxRow.MessageKey(uids.Min()), MailboxRow.MessageKey(uids.Max()));
        var filter = TableClient.CreateQueryFilter(
            $"PartitionKey eq {partition} and RowKey ge {first} and RowKey le {last}");
        await foreach (var row in table.QueryAsync<TableEntity>(filter, PageSize, columns, cancellationToken))
        {
            if (wanted.Contains(MailboxRow.UidOf(row.RowKey)))
            {
                rows.Add(row);
            }
        }

        return rows;
    }
}
