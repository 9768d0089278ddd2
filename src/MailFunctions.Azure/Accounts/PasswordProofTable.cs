using Azure.Data.Tables;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;

namespace MailFunctions.Azure.Accounts;

/// <summary>Rows of `stats`, which the edge may write: partition `proof:{first two digits}`, row the name.</summary>
internal sealed class PasswordProofTable(TableServiceClient service) : IPasswordProofs
{
    public const string PartitionPrefix = "proof:";

    /// <summary>First key after those partitions: `;` follows `:`.</summary>
    public const string AfterPartitions = "proof;";
    public const string AtColumn = "At";

    private readonly TableClient _table = service.GetTableClient(StatsTable.StatsName);

    public async ValueTask<DateTimeOffset?> FindAsync(string name, CancellationToken cancellationToken) =>
        await StorageGuard.RunAsync<DateTimeOffset?>(
            "The proof of a password could not be read",
            async () =>
            {
                var row = await _table.FindRowAsync(PartitionOf(name), name, cancellationToken);
                return row?.GetDateTimeOffset(AtColumn);
            },
            cancellationToken);

    public Task WriteAsync(string name, DateTimeOffset at, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The proof of a password could not be written",
        () => _table.UpsertEntityAsync(
            new TableEntity(PartitionOf(name), name) { [AtColumn] = at }, TableUpdateMode.Replace, cancellationToken),
        cancellationToken);

    private static string PartitionOf(string name) => PartitionPrefix + name[..2];
}
