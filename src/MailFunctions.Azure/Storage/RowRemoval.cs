using Azure;
using Azure.Data.Tables;

namespace MailFunctions.Azure.Storage;

/// <summary>Removes rows past their retention, in transactions, up to a number.</summary>
internal static class RowRemoval
{
    /// <summary>Rows that one run removes at most, about; the next run goes on.</summary>
    public const int MaxRows = 20_000;
    private const int MaxTransaction = 100;

    /// <summary>How many are gone.</summary>
    public static async Task<int> RemoveAsync(TableClient table, string filter, int most, CancellationToken cancellationToken)
    {
        var removed = 0;
        if (most <= 0)
        {
            return removed;
        }

        await foreach (var page in table.QueryAsync<TableEntity>(
            filter, select: ["PartitionKey", "RowKey"], cancellationToken: cancellationToken).AsPages())
        {
            removed += await RemoveAsync(table, page.Values, cancellationToken);
            if (removed >= most)
            {
                break;
            }
        }

        return removed;
    }

    /// <inheritdoc cref="RemoveAsync(TableClient, string, int, CancellationToken)"/>
    public static async Task<int> RemoveAsync(TableClient table, IEnumerable<TableEntity> rows, CancellationToken cancellationToken)
    {
        var removed = 0;
        foreach (var partition in rows.GroupBy(r => r.PartitionKey))
        {
            foreach (var some in partition.Chunk(MaxTransaction))
            {
                removed += await RemoveAsync(table, some, cancellationToken);
            }
        }

        return removed;
    }

    private static async Task<int> RemoveAsync(TableClient table, TableEntity[] rows, CancellationToken cancellationToken)
    {
        try
        {
            await table.SubmitTransactionAsync(
                rows.Select(r => new TableTransactionAction(TableTransactionActionType.Delete, r, ETag.All)), cancellationToken);
            return rows.Length;
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return 0; // another run removes them: what is left comes next time
        }
    }
}
