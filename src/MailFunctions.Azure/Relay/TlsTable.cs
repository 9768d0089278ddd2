using System.Globalization;
using System.Runtime.CompilerServices;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Relay;

namespace MailFunctions.Azure.Relay;

/// <summary>
/// The table `tls` (decision record 0023): partition `policy` with a row a domain, and a partition a day with a row a
/// domain, policy, result and process.
/// </summary>
internal sealed class TlsTable(TableServiceClient service) : ITlsCountStore, IStsPolicyStore
{
    public const string TlsName = "tls";
    public const string DayFormat = "yyyyMMdd";
    public const string PolicyPartition = "policy";
    public const string ExpiresColumn = "Expires";

    private const int MaxTransaction = 100;

    private readonly TableClient _table = service.GetTableClient(TlsName);

    public Task WriteAsync(string instance, IReadOnlyList<TlsCount> counts, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The TLS results could not be written",
        async () =>
        {
            foreach (var day in counts.GroupBy(c => c.Day))
            {
                foreach (var rows in day.Chunk(MaxTransaction))
                {
                    await _table.SubmitTransactionAsync(
                        rows.Select(c => new TableTransactionAction(
                            TableTransactionActionType.UpsertReplace, Row(c, instance))), cancellationToken);
                }
            }
        },
        cancellationToken);

    public async IAsyncEnumerable<TlsCount> ReadAsync(
        DateOnly from, DateOnly to, string? domain, (string Domain, string Policy)? after,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var day = from; day <= to; day = day.AddDays(1))
        {
            // A domain's rows begin with its key and `!`, which is in no key and sorts before all that is; `~` sorts behind it.
            var first = day == from && after is { } last
                ? $"{Prefix(last.Domain)}{last.Policy}~"
                : domain is not null ? Prefix(domain) : "";
            var end = domain is not null ? Prefix(domain) + "~" : "~~";
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Partition(day)} and RowKey ge {first} and RowKey lt {end}");
            var rows = _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken);
            await foreach (var row in rows.Guarded("The TLS results could not be read", cancellationToken))
            {
                yield return new TlsCount(
                    day, row.GetString("Domain"), row.GetString("Policy"), row.GetString("Result"), row.GetInt64("Sessions") ?? 0);
            }
        }
    }

    public Task<StsPolicy?> FindAsync(string domain, DateTimeOffset now, CancellationToken cancellationToken) =>
        StorageGuard.RunAsync<StsPolicy?>(
            "The MTA-STS policy could not be read",
            async () =>
            {
                return await _table.FindRowAsync(PolicyPartition, TableKey.Escape(domain), cancellationToken) is { } row
                    && row.GetDateTimeOffset(ExpiresColumn) is { } expires && expires > now
                    ? new StsPolicy(
                        domain,
                        row.GetString("Id"),
                        row.GetString("Mode"),
                        row.GetString("Mx").Split(' ', StringSplitOptions.RemoveEmptyEntries),
                        expires)
                    : null;
            },
            cancellationToken);

    public async Task PutAsync(StsPolicy policy, CancellationToken cancellationToken)
    {
        var row = new TableEntity(PolicyPartition, TableKey.Escape(policy.Domain))
        {
            ["Domain"] = policy.Domain,
            ["Id"] = policy.Id,
            ["Mode"] = policy.Mode,
            ["Mx"] = string.Join(' ', policy.Mx),
            [ExpiresColumn] = policy.Expires,
        };
        await StorageGuard.RunAsync(
            "The MTA-STS policy could not be written",
            () => _table.UpsertEntityAsync(row, TableUpdateMode.Replace, cancellationToken),
            cancellationToken);
    }

    public static string Partition(DateOnly day) => day.ToString(DayFormat, CultureInfo.InvariantCulture);

    private static string Prefix(string domain) => TableKey.Escape(domain) + "!";

    private static TableEntity Row(TlsCount count, string instance) =>
        new(Partition(count.Day), $"{Prefix(count.Domain)}{count.Policy}!{count.Result}!{TableKey.Escape(instance)}")
        {
            ["Domain"] = count.Domain,
            ["Policy"] = count.Policy,
            ["Result"] = count.Result,
            ["Sessions"] = count.Sessions,
        };
}
