using Azure;
using Azure.Data.Tables;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Tables;

/// <summary>Counts of TLS results go after 30 days, policies when they have run out.</summary>
internal sealed class TlsRetention(TableServiceClient service, TimeProvider time) : IHousekeepingTask
{
    public const int Days = 30;

    /// <summary>Rows that one run removes at most; the next run goes on.</summary>
    public const int MaxRows = 10_000;

    private const int MaxTransaction = 100;

    private readonly TableClient _table = service.GetTableClient(TlsTable.TlsName);

    public string Name => "TLS results";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var first = TlsTable.Partition(DateOnly.FromDateTime(now.UtcDateTime).AddDays(-Days));
        try
        {
            var removed = await RemoveAsync(TableClient.CreateQueryFilter($"PartitionKey lt {first}"), MaxRows, cancellationToken).ConfigureAwait(false);
            return removed + await RemoveAsync(
                TableClient.CreateQueryFilter($"PartitionKey eq {TlsTable.PolicyPartition} and Expires lt {now}"), MaxRows - removed, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("Old TLS results could not be removed", e);
        }
    }

    private async Task<int> RemoveAsync(string filter, int most, CancellationToken cancellationToken)
    {
        var removed = 0;
        if (most <= 0)
        {
            return removed;
        }

        await foreach (var page in _table.QueryAsync<TableEntity>(filter, select: ["PartitionKey", "RowKey"], cancellationToken: cancellationToken).AsPages().ConfigureAwait(false))
        {
            foreach (var rows in page.Values.GroupBy(r => r.PartitionKey).SelectMany(p => p.Chunk(MaxTransaction)))
            {
                try
                {
                    await _table.SubmitTransactionAsync(
                        rows.Select(r => new TableTransactionAction(TableTransactionActionType.Delete, r, ETag.All)), cancellationToken).ConfigureAwait(false);
                    removed += rows.Length;
                }
                catch (RequestFailedException e) when (e.Status == 404)
                {
                    // Another run is at them.
                }
            }

            if (removed >= most)
            {
                break;
            }
        }

        return removed;
    }
}
