using Azure;
using Azure.Data.Tables;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Tables;

/// <summary>Traces go after 30 days. Message ids begin with their time, so those are one range; the others are looked through.</summary>
internal sealed class TraceRetention(TableServiceClient service, TimeProvider time) : IHousekeepingTask
{
    public const int Days = 30;

    /// <summary>Rows that one run removes at most; the next run goes on.</summary>
    public const int MaxRows = 20_000;
    private const int MaxTransaction = 100;

    private readonly TableClient _table = service.GetTableClient(TraceTable.TracesName);

    public string Name => "traces";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var end = time.GetUtcNow().AddDays(-Days);
        try
        {
            var removed = await RemoveAsync(
                TableClient.CreateQueryFilter($"PartitionKey ge {"0"} and PartitionKey lt {MessageName.NewId(end)} and At lt {end}"), MaxRows, cancellationToken).ConfigureAwait(false);
            return removed + await RemoveAsync(
                TableClient.CreateQueryFilter($"PartitionKey ge {TraceRow.IndexPrefixes} and PartitionKey lt {TraceRow.AfterIndexes} and At lt {end}"),
                MaxRows - removed,
                cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("Old traces could not be removed", e);
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
            foreach (var partition in page.Values.GroupBy(r => r.PartitionKey))
            {
                foreach (var rows in partition.Chunk(MaxTransaction))
                {
                    removed += await RemoveAsync(rows, cancellationToken).ConfigureAwait(false);
                }
            }

            if (removed >= most)
            {
                break;
            }
        }

        return removed;
    }

    private async Task<int> RemoveAsync(TableEntity[] rows, CancellationToken cancellationToken)
    {
        try
        {
            await _table.SubmitTransactionAsync(
                rows.Select(r => new TableTransactionAction(TableTransactionActionType.Delete, r, ETag.All)), cancellationToken).ConfigureAwait(false);
            return rows.Length;
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return 0; // another run is at them: what is left comes next time
        }
    }
}
