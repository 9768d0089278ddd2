using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using MailFunctions.Azure.Mailboxes;

namespace MailFunctions.Azure.Storage;

/// <summary>Reads of rows by their keys.</summary>
internal static class TableReads
{
    private const int PageSize = 1000;
    private const int ReadsAtOnce = 8;

    /// <summary>
    /// Null when the row is not there. A table that is not there is a fault: an address is never unknown because the
    /// directory is missing.
    /// </summary>
    /// <param name="columns">Null: all.</param>
    public static async Task<TableEntity?> FindRowAsync(
        this TableClient table, string partition, string row, CancellationToken cancellationToken, IEnumerable<string>? columns = null)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(partition, row, columns, cancellationToken);
        if (answer.HasValue)
        {
            return answer.Value;
        }

        var fault = new RequestFailedException(answer.GetRawResponse());
        return fault.ErrorCode == TableErrorCode.TableNotFound ? throw fault : null;
    }

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
        var filter = TableClient.CreateQueryFilter(
            $"PartitionKey eq {partition} and RowKey ge {MailboxRow.MessageKey(uids.Min())} and RowKey le {MailboxRow.MessageKey(uids.Max())}");
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
