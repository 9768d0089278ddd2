using Azure.Data.Tables;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Azure.Accounts;

/// <summary>Rows of `stats`: partition `used:{mailbox id}`, row the app password's id.</summary>
internal sealed class AppPasswordUseTable(TableServiceClient service) : IAppPasswordUse
{
    public const string PartitionPrefix = "used:";

    /// <summary>First key after those partitions: `;` follows `:`.</summary>
    public const string AfterPartitions = "used;";
    public const string AtColumn = "At";
    public const string MailboxColumn = "MailboxId";
    public const string AddressColumn = "Address";

    private readonly TableClient _table = service.GetTableClient(StatsTable.StatsName);

    public Task RecordAsync(
        string mailboxId, EmailAddress address, string appPasswordId, DateTimeOffset at, CancellationToken cancellationToken) =>
        StorageGuard.RunAsync(
            "The use of an app password could not be noted",
            () => _table.UpsertEntityAsync(
                new TableEntity(Partition(mailboxId), TableKey.Escape(appPasswordId))
                {
                    [AtColumn] = at,
                    [MailboxColumn] = mailboxId,
                    [AddressColumn] = address.ToCanonicalString(),
                },
                TableUpdateMode.Replace,
                cancellationToken),
            cancellationToken);

    public async Task<IReadOnlyDictionary<string, DateTimeOffset>> ReadAsync(string mailboxId, CancellationToken cancellationToken)
    {
        var uses = new Dictionary<string, DateTimeOffset>();
        var partition = Partition(mailboxId);
        await StorageGuard.RunAsync(
            "The uses of app passwords could not be read",
            async () =>
            {
                await foreach (var row in _table.QueryAsync<TableEntity>(
                    TableClient.CreateQueryFilter($"PartitionKey eq {partition}"), cancellationToken: cancellationToken))
                {
                    uses[row.RowKey] = row.GetDateTimeOffset(AtColumn) ?? default;
                }
            },
            cancellationToken);

        return uses;
    }

    private static string Partition(string mailboxId) => PartitionPrefix + TableKey.Escape(mailboxId);
}
