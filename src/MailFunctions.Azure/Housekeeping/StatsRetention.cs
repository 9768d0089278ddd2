using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
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

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            var end = StatsTable.Day(time.GetUtcNow().AddDays(-Days));
            return await OldRows.RemoveAsync(
                _table, TableClient.CreateQueryFilter($"PartitionKey ge {"0"} and PartitionKey lt {end}"), OldRows.MaxRows, cancellationToken);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("Old stats could not be removed", e);
        }
    }
}
