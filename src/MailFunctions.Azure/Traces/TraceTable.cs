using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Traces;

/// <summary>The table `traces`: each event once by message, and once by each address and day.</summary>
internal sealed class TraceTable(TableServiceClient service) : ITraceWriter
{
    public const string TracesName = "traces";

    private const int MaxTransaction = 100;
    private const int AtOnce = 8;

    private readonly TableClient _table = service.GetTableClient(TracesName);

    public async Task WriteAsync(IReadOnlyList<TraceEvent> events, CancellationToken cancellationToken)
    {
        try
        {
            await Parallel.ForEachAsync(
                events.SelectMany(TraceRow.From).GroupBy(r => r.PartitionKey).SelectMany(p => p.DistinctBy(r => r.RowKey).Chunk(MaxTransaction)),
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
                async (rows, token) => await WriteAsync(rows, token));
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The traces could not be written", e);
        }
    }

    private Task WriteAsync(TableEntity[] rows, CancellationToken cancellationToken) => rows.Length == 1
        ? _table.UpsertEntityAsync(rows[0], TableUpdateMode.Replace, cancellationToken)
        : _table.SubmitTransactionAsync(rows.Select(r => new TableTransactionAction(TableTransactionActionType.UpsertReplace, r)), cancellationToken);
}
