using Azure.Data.Tables;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Counters go after 90 days: the partitions are days, so those are one range.</summary>
internal sealed class StatsRetention(TableServiceClient service, TimeProvider time) : IHousekeepingTask
{
    public const int Days = 90;

    private readonly TableClient _table = service.GetTableClient(StatsTable.StatsName);

    public string Name => "stats";

    public Task<int> RunAsync(CancellationToken cancellationToken) => StorageGuard.RunAsync<int>(
        "Old stats could not be removed",
        async () =>
        {
            var end = StatsTable.Day(time.GetUtcNow().AddDays(-Days));
            return await RowRemoval.RemoveAsync(
                _table,
                TableClient.CreateQueryFilter($"PartitionKey ge {"0"} and PartitionKey lt {end}"),
                RowRemoval.MaxRows,
                cancellationToken);
        },
        cancellationToken);
}
