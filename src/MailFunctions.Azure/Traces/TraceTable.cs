using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Storage;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Traces;

/// <summary>The table `traces`: each event once by message, and once by each address and day. A continuation is the key of a row.</summary>
internal sealed class TraceTable(TableServiceClient service) : ITraceWriter, ITraceReader
{
    public const string TracesName = "traces";

    private const int MaxTransaction = 100;
    private const int AtOnce = 8;

    private readonly TableClient _table = service.GetTableClient(TracesName);

    public Task WriteAsync(IReadOnlyList<TraceEvent> events, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The traces could not be written",
        () => Parallel.ForEachAsync(
            events.SelectMany(TraceRow.From).GroupBy(r => r.PartitionKey)
                .SelectMany(p => p.DistinctBy(r => r.RowKey).Chunk(MaxTransaction)),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (rows, token) => await WriteAsync(rows, token)),
        cancellationToken);

    private Task WriteAsync(TableEntity[] rows, CancellationToken cancellationToken) => rows.Length == 1
        ? _table.UpsertEntityAsync(rows[0], TableUpdateMode.Replace, cancellationToken)
        : _table.SubmitTransactionAsync(
            rows.Select(r => new TableTransactionAction(TableTransactionActionType.UpsertReplace, r)), cancellationToken);

    public async Task<ListPage<TraceEvent>> ByMessageAsync(
        string messageId, int top, string? continuation, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(TableKey.Escape(messageId), continuation ?? "", "~", top + 1, cancellationToken);
        return Page(rows, top);
    }

    public async Task<ListPage<TraceEvent>> ByAddressAsync(
        string address, DateTimeOffset from, DateTimeOffset to, int top, string? continuation, CancellationToken cancellationToken)
    {
        var found = new List<TableEntity>();
        var first = TraceRow.Time(from);
        var after = continuation is null || string.CompareOrdinal(continuation, first) < 0 ? first : continuation;
        for (var day = from.UtcDateTime.Date; day <= to.UtcDateTime && found.Count <= top; day = day.AddDays(1))
        {
            var start = new DateTimeOffset(day, TimeSpan.Zero);
            if (string.CompareOrdinal(after, TraceRow.Time(start.AddDays(1))) < 0)
            {
                var partition = TraceRow.AddressPartition(address, start);
                found.AddRange(await ReadAsync(partition, after, TraceRow.Time(to) + "~", top + 1 - found.Count, cancellationToken));
            }
        }

        return Page(found, top);
    }

    /// <summary>Of rows that are one more than a page, if there is more.</summary>
    private static ListPage<TraceEvent> Page(List<TableEntity> rows, int top) =>
        new([.. rows.Take(top).Select(TraceRow.ToEvent)], rows.Count > top ? rows[top - 1].RowKey : null);

    public async Task<IReadOnlyList<string>> FindMessagesAsync(string internetMessageId, int top, CancellationToken cancellationToken) =>
        [.. (await ReadAsync(TraceRow.HeaderPartition(internetMessageId), "", "~", top, cancellationToken))
            .Select(r => r.GetString(TraceRow.MessageIdColumn))];

    private Task<List<TableEntity>> ReadAsync(string partition, string after, string end, int top, CancellationToken cancellationToken) =>
        StorageGuard.RunAsync<List<TableEntity>>(
            "The traces could not be read",
            async () =>
            {
                var rows = new List<TableEntity>();
                var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey gt {after} and RowKey lt {end}");
                await foreach (var row in _table.QueryAsync<TableEntity>(filter, top, cancellationToken: cancellationToken))
                {
                    rows.Add(row);
                    if (rows.Count == top)
                    {
                        break;
                    }
                }

                return rows;
            },
            cancellationToken);
}
