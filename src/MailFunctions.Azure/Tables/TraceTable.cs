using System.Globalization;
using Azure.Data.Tables;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Tables;

/// <summary>The table `traces`: each event once by message, and once by each address and day.</summary>
internal sealed class TraceTable(TableServiceClient service) : ITraceWriter
{
    public const string TracesName = "traces";

    private const int MaxTransaction = 100;

    private readonly TableClient _table = service.GetTableClient(TracesName);

    public async Task WriteAsync(IReadOnlyList<TraceEvent> events, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var partition in events.SelectMany(Rows).GroupBy(r => r.PartitionKey))
            {
                foreach (var rows in partition.DistinctBy(r => r.RowKey).Chunk(MaxTransaction))
                {
                    await WriteAsync(rows, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The traces could not be written", e);
        }
    }

    private Task WriteAsync(TableEntity[] rows, CancellationToken cancellationToken) => rows.Length == 1
        ? _table.UpsertEntityAsync(rows[0], TableUpdateMode.Replace, cancellationToken)
        : _table.SubmitTransactionAsync(rows.Select(r => new TableTransactionAction(TableTransactionActionType.UpsertReplace, r)), cancellationToken);

    private static IEnumerable<TableEntity> Rows(TraceEvent e)
    {
        var at = e.At.UtcDateTime.ToString("yyyyMMddHHmmssfffffff", CultureInfo.InvariantCulture);
        var digest = Digest(e);
        yield return Row(e, TableKey.Escape(e.MessageId), $"{at}-{digest}");
        foreach (var address in e.Addresses)
        {
            var partition = string.Create(CultureInfo.InvariantCulture, $"addr:{TableKey.Escape(address)}:{e.At.UtcDateTime:yyyyMMdd}");
            yield return Row(e, partition, $"{at}-{TableKey.Escape(e.MessageId)}-{digest}");
        }
    }

    private static TableEntity Row(TraceEvent e, string partition, string row) => new(partition, row)
    {
        ["MessageId"] = e.MessageId,
        ["At"] = e.At,
        ["Kind"] = e.Kind,
        ["Addresses"] = string.Join(' ', e.Addresses),
        ["Detail"] = e.Detail,
    };

    // Tells two events of one instant apart, and finds the same one again.
    private static string Digest(TraceEvent e) =>
        TableKey.Digest($"{e.Kind}\0{string.Join('\n', e.Addresses)}\0{e.Detail}");
}
