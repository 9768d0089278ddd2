using MailFunctions.Azure.Hosting;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Stats;

namespace MailFunctions.Azure.Stats;

/// <summary>
/// Once a minute, writes what was counted since the last row, if anything was. While the store does not answer nothing is
/// lost: the next row that can be written has it.
/// </summary>
internal sealed class StatsWriter(MeterTotals totals, IStatsStore store, TimeProvider time) : WriteBehind(Minute, time)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly string _instance = NewInstance();
    private IReadOnlyDictionary<string, long> _written = new Dictionary<string, long>();

    protected override Task FlushAsync(CancellationToken cancellationToken) => WriteAsync(cancellationToken);

    /// <summary>Writes one row, or none when nothing happened.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        var now = totals.Read();
        var counters = now.Select(t => KeyValuePair.Create(t.Key, t.Value - _written.GetValueOrDefault(t.Key)))
            .Where(t => t.Value != 0)
            .ToDictionary();
        if (counters.Count == 0)
        {
            return;
        }

        var at = Time.GetUtcNow();
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
