using Azure.Data.Tables;
using MailFunctions.Azure.Accounts;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Removes proofs of passwords that no edge takes any more.</summary>
internal sealed class PasswordProofRetention(TableServiceClient service, TimeProvider time) : IHousekeepingTask
{
    private readonly TableClient _table = service.GetTableClient(StatsTable.StatsName);

    public string Name => "proofs of passwords";

    public Task<int> RunAsync(CancellationToken cancellationToken) => StorageGuard.RunAsync<int>(
        "Old proofs of passwords could not be removed",
        async () =>
        {
            var end = time.GetUtcNow() - PasswordProof.Lifetime;
            var (first, after) = (PasswordProofTable.PartitionPrefix, PasswordProofTable.AfterPartitions);
            return await RowRemoval.RemoveAsync(
                _table,
                TableClient.CreateQueryFilter(
                    $"PartitionKey ge {first} and PartitionKey lt {after} and At lt {end}"),
                RowRemoval.MaxRows,
                cancellationToken);
        },
        cancellationToken);
}
