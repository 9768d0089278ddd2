using System.Collections.Concurrent;

namespace MailFunctions.Edge.Health;

/// <summary>
/// Failures of storage and bus that the edge's own work met. A client that gets a `451` for one causes one line in the log, and
/// the edge is not ready until the same work has succeeded again or the failure is some seconds old.
/// </summary>
internal sealed partial class Backends(ILogger<Backends> logger, TimeProvider time)
{
    /// <summary>A failure of this age or less counts as one now.</summary>
    public static readonly TimeSpan Recent = TimeSpan.FromSeconds(15);

    /// <summary>One line for each kind of work in this time, however many sessions meet the failure.</summary>
    public static readonly TimeSpan LoggedEvery = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, Work> _work = new();

    /// <summary>A piece of work is over.</summary>
    /// <param name="what">What was worked at, as `reading tables`.</param>
    /// <param name="fault">Why it failed; null: it succeeded.</param>
    public void Ended(string what, string? fault)
    {
        if (fault is null)
        {
            if (_work.TryGetValue(what, out var failing))
            {
                failing.Fault = null;
            }

            return;
        }

        var work = _work.GetOrAdd(what, static _ => new Work());
        lock (work)
        {
            (work.Fault, work.FailedAt) = (fault, time.GetTimestamp());
            work.Unlogged++;
            if (work.LoggedAt is { } last && time.GetElapsedTime(last) < LoggedEvery)
            {
                return;
            }

            Log.Unavailable(logger, what, fault, work.Unlogged);
            (work.LoggedAt, work.Unlogged) = (work.FailedAt, 0);
        }
    }

    /// <summary>A recent failure, as a sentence's part; null: none.</summary>
    public string? Fault => _work
        .Where(w => w.Value.Fault is not null && time.GetElapsedTime(w.Value.FailedAt) < Recent)
        .Select(w => $"{w.Key}: {w.Value.Fault}")
        .Order(StringComparer.Ordinal)
        .FirstOrDefault();

    private sealed class Work
    {
        public volatile string? Fault;

        public long FailedAt { get; set; }

        public long? LoggedAt { get; set; }

        public int Unlogged { get; set; }
    }

    private static partial class Log
    {
        [LoggerMessage(
            1150,
            LogLevel.Warning,
            "Clients are asked to try again later. {Work}: {Fault} ({Times} times since the last such line)",
            EventName = "BackendUnavailable")]
        public static partial void Unavailable(ILogger logger, string work, string fault, int times);
    }
}
