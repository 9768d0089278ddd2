using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Stats;

namespace MailFunctions.Azure.Stats;

/// <summary>The table `stats`: partition day, row minute and instance, the counters as JSON in one column.</summary>
internal sealed class StatsTable(TableServiceClient service) : IStatsStore
{
    public const string StatsName = "stats";
    private const string CountersColumn = "Counters";
    private const string MinuteColumn = "Minute";

    private readonly TableClient _table = service.GetTableClient(StatsName);

    public async Task WriteAsync(StatsMinute minute, CancellationToken cancellationToken)
    {
        var row = new TableEntity(Day(minute.Minute), $"{Time(minute.Minute)}-{TableKey.Escape(minute.Instance)}")
        {
            [MinuteColumn] = minute.Minute,
            [CountersColumn] = JsonSerializer.Serialize(
                new Dictionary<string, long>(minute.Counters), StatsJson.Default.DictionaryStringInt64),
        };
        await StorageGuard.RunAsync(
            "The stats could not be written",
            () => _table.UpsertEntityAsync(row, TableUpdateMode.Replace, cancellationToken),
            cancellationToken);
    }

    public async IAsyncEnumerable<StatsMinute> ReadAsync(
        DateTimeOffset from, DateTimeOffset to, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var day = new DateTimeOffset(from.UtcDateTime.Date, TimeSpan.Zero); day < to; day = day.AddDays(1))
        {
            var first = from > day ? Time(from) : "";
            var end = to < day.AddDays(1) ? Time(to) : "~";
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Day(day)} and RowKey ge {first} and RowKey lt {end}");
            var rows = _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken);
            await foreach (var row in rows.Guarded("The stats could not be read", cancellationToken))
            {
                yield return Read(row);
            }
        }
    }

    private static StatsMinute Read(TableEntity row) => new(
        row.GetDateTimeOffset(MinuteColumn) ?? default,
        row.RowKey[(row.RowKey.IndexOf('-', StringComparison.Ordinal) + 1)..],
        row.GetString(CountersColumn) is { } json ? JsonSerializer.Deserialize(json, StatsJson.Default.DictionaryStringInt64)! : []);

    /// <summary>The partition of a day.</summary>
    public static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("HHmm", CultureInfo.InvariantCulture);
}

/// <summary>The counters' column.</summary>
[JsonSerializable(typeof(Dictionary<string, long>))]
internal sealed partial class StatsJson : JsonSerializerContext;
