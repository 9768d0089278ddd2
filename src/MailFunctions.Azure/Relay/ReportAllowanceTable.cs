using System.Globalization;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Traces;
using MailFunctions.Core.Relay;

namespace MailFunctions.Azure.Relay;

/// <summary>
/// Numbered places for an hour's reports to one address: a partition `dsn:{address}:{hour}` of `traces`, which goes when
/// traces go. Whoever inserts a row has the place, so processes can't take one twice, and a report finds its own again.
/// </summary>
internal sealed class ReportAllowanceTable(TableServiceClient service) : IReportAllowance
{
    private const string ReportColumn = "Report";

    private readonly TableClient _table = service.GetTableClient(TraceTable.TracesName);

    public async Task<bool> TakeAsync(string address, string report, DateTimeOffset at, int perHour, CancellationToken cancellationToken)
    {
        var partition = string.Create(CultureInfo.InvariantCulture, $"dsn:{TableKey.Escape(address)}:{at.UtcDateTime:yyyyMMddHH}");
        return await StorageGuard.RunAsync<bool>(
            "The reports to an address could not be counted",
            async () =>
            {
                var taken = new HashSet<string>();
                await foreach (var row in _table.QueryAsync<TableEntity>(
                    TableClient.CreateQueryFilter($"PartitionKey eq {partition}"),
                    select: ["RowKey", ReportColumn],
                    cancellationToken: cancellationToken))
                {
                    if (row.GetString(ReportColumn) == report)
                    {
                        return true;
                    }

                    taken.Add(row.RowKey);
                }

                for (var place = 0; place < perHour; place++)
                {
                    var key = place.ToString("D6", CultureInfo.InvariantCulture);
                    if (!taken.Contains(key) && await InsertAsync(partition, key, report, at, cancellationToken))
                    {
                        return true;
                    }
                }

                return false;
            },
            cancellationToken);
    }

    /// <summary>False when another report has the place.</summary>
    private async Task<bool> InsertAsync(
        string partition, string key, string report, DateTimeOffset at, CancellationToken cancellationToken)
    {
        try
        {
            await _table.AddEntityAsync(
                new TableEntity(partition, key) { [ReportColumn] = report, [TraceRow.AtColumn] = at }, cancellationToken);
            return true;
        }
        catch (RequestFailedException e) when (e.Status == 409)
        {
            // Another process was first, or our own write whose response was lost; reading decides.
            var there = await _table.GetEntityIfExistsAsync<TableEntity>(partition, key, cancellationToken: cancellationToken);
            return there.HasValue && there.Value!.GetString(ReportColumn) == report;
        }
    }
}
