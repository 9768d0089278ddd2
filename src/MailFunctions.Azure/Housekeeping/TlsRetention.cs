using Azure.Data.Tables;
using MailFunctions.Azure.Relay;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Counts of TLS results go after 30 days, policies when they have run out.</summary>
internal sealed class TlsRetention(TableServiceClient service, TimeProvider time) : IHousekeepingTask
{
    public const int Days = 30;

    /// <summary>Rows that one run removes at most; the next run goes on.</summary>
    public const int MaxRows = 10_000;

    private readonly TableClient _table = service.GetTableClient(TlsTable.TlsName);

    public string Name => "TLS results";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var first = TlsTable.Partition(DateOnly.FromDateTime(now.UtcDateTime).AddDays(-Days));
        return await StorageGuard.RunAsync<int>(
            "Old TLS results could not be removed",
            async () =>
            {
                var removed = await RowRemoval.RemoveAsync(
                    _table, TableClient.CreateQueryFilter($"PartitionKey lt {first}"), MaxRows, cancellationToken);
                return removed + await RowRemoval.RemoveAsync(
                    _table,
                    TableClient.CreateQueryFilter($"PartitionKey eq {TlsTable.PolicyPartition} and Expires lt {now}"),
                    MaxRows - removed,
                    cancellationToken);
            },
            cancellationToken);
    }
}
