using MailFunctions.Core.Messages;
using MailFunctions.Core.Stats;
using Microsoft.Extensions.Hosting;

namespace MailFunctions.Azure.Stats;

/// <summary>
/// Once a minute, writes what was counted since the last row, if anything was. While the store is away nothing is lost:
/// the next row that can be written has it. Nobody waits for this.
/// </summary>
internal sealed class StatsWriter(MeterTotals totals, IStatsStore store, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    // A process that starts anew within the minute must not replace the row of the one before.
    private readonly string _instance = $"{Environment.MachineName}-{Guid.NewGuid().ToString("N")[..8]}";
    private IReadOnlyDictionary<string, long> _written = new Dictionary<string, long>();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Minute, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(3), time); // the last row of a process that stops, too
            await WriteAsync(stoppingToken.IsCancellationRequested ? limit.Token : stoppingToken);
        }
    }

    /// <summary>Writes one row, or none when nothing happened.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        var now = totals.Read();
        var counters = now.Select(t => KeyValuePair.Create(t.Key, t.Value - _written.GetValueOrDefault(t.Key))).Where(t => t.Value != 0).ToDictionary();
        if (counters.Count == 0)
        {
            return;
        }

        var at = time.GetUtcNow();
        try
        {
            await store.WriteAsync(new StatsMinute(at.AddTicks(-(at.Ticks % Minute.Ticks)), _instance, counters), cancellationToken);
            _written = now;
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            // The next row has it.
        }
    }
}
