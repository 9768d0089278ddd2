using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Traces;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Traces go after 30 days. Message ids begin with their time, so those are one range; the others are looked through.</summary>
internal sealed class TraceRetention(TableServiceClient service, TimeProvider time) : IHousekeepingTask
{
    public const int Days = 30;

    private readonly TableClient _table = service.GetTableClient(TraceTable.TracesName);

    public string Name => "traces";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var end = time.GetUtcNow().AddDays(-Days);
        return await StorageGuard.RunAsync<int>(
            "Old traces could not be removed",
            async () =>
            {
                var removed = await RowRemoval.RemoveAsync(
                    _table,
                    TableClient.CreateQueryFilter($"PartitionKey ge {"0"} and PartitionKey lt {MessageName.NewId(end)} and At lt {end}"),
                    RowRemoval.MaxRows,
                    cancellationToken);
                return removed + await RowRemoval.RemoveAsync(
                    _table,
                    TableClient.CreateQueryFilter(
                        $"PartitionKey ge {TraceRow.IndexPrefixes} and PartitionKey lt {TraceRow.AfterIndexes} and At lt {end}"),
                    RowRemoval.MaxRows - removed,
                    cancellationToken);
            },
            cancellationToken);
    }
}
