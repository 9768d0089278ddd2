using System.Text.Json.Serialization;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Stats;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Queues;

namespace MailFunctions.Functions.Stats;

/// <summary>What all processes counted in one stretch of time.</summary>
internal sealed record StatsAnswer(DateTimeOffset Start, int Instances, IReadOnlyDictionary<string, long> Counters);

/// <summary>What was counted, and what waits in the queues now.</summary>
/// <param name="From">The window that was asked for, as is <paramref name="To"/>.</param>
/// <param name="Queues">Missing when the bus can't be asked.</param>
internal sealed record StatsList(
    IReadOnlyList<StatsAnswer> Items,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Continuation,
    DateTimeOffset From,
    DateTimeOffset To,
    IReadOnlyList<QueueAnswer>? Queues);

/// <summary>`GET /api/stats`: the counters of edge and functions, summed over instances and minutes.</summary>
internal static class StatsRoutes
{
    public const int MaxDays = 31;

    /// <summary>How many stretches an answer may have.</summary>
    public const int MaxBuckets = 1500;

    public static void MapStats(this IEndpointRouteBuilder routes) => routes.MapGet("/api/stats", GetAsync).WithTags("Stats")
        .Produces<StatsList>().ProducesValidationProblem()
        .WithSummary("Gives what was counted in a window, in stretches of ?bucket= 1m, 5m, 15m, 1h or 1d");

    private static async Task<IResult> GetAsync(
        [AsParameters] WindowQuery window, StatsBucket? bucket, IStatsStore store, IBusMonitor monitor, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (from, to) = window.Or(time.GetUtcNow().AddMinutes(1), TimeSpan.FromHours(1));
        var width = bucket?.Width ?? StatsBucket.Default;
        if (from >= to || to - from > TimeSpan.FromDays(MaxDays) || (to - from) / width > MaxBuckets)
        {
            return WindowQuery.TooLong(MaxDays, $" and {MaxBuckets} stretches");
        }

        var queues = QueuesAsync(monitor, time, cancellationToken);
        var sums = new SortedDictionary<DateTimeOffset, (HashSet<string> Instances, Dictionary<string, long> Counters)>();
        await foreach (var minute in store.ReadAsync(from, to, cancellationToken))
        {
            var start = minute.Minute.AddTicks(-(minute.Minute.UtcTicks % width.Ticks));
            if (!sums.TryGetValue(start, out var sum))
            {
                sums.Add(start, sum = ([], []));
            }

            sum.Instances.Add(minute.Instance);
            foreach (var (counter, value) in minute.Counters)
            {
                sum.Counters[counter] = sum.Counters.GetValueOrDefault(counter) + value;
            }
        }

        return TypedResults.Ok(new StatsList(
            [.. sums.Select(s => new StatsAnswer(s.Key, s.Value.Instances.Count, s.Value.Counters))], null, from, to, await queues));
    }

    /// <summary>Counters are given also while the bus can't be reached.</summary>
    private static async Task<IReadOnlyList<QueueAnswer>?> QueuesAsync(
        IBusMonitor monitor, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return await QueueRoutes.ReadAsync(monitor, time, cancellationToken);
        }
        catch (BusUnavailableException)
        {
            return null;
        }
    }
}
