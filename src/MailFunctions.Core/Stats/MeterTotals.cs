using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace MailFunctions.Core.Stats;

/// <summary>
/// What this process's meters counted since it started: of counters the sum, of histograms the number of values in each
/// bucket, their sum and their number. Names are `instrument{tag=value}`, tags in order; there are only so many.
/// </summary>
public sealed class MeterTotals : IDisposable
{
    /// <summary>The meters that are listened to begin so.</summary>
    public const string MeterPrefix = "MailFunctions.";

    /// <summary>Names beyond this many are counted under <see cref="OtherName"/>: a tag must not fill the memory.</summary>
    public const int MaxNames = 500;
    public const string OtherName = "mail.stats.other";

    /// <summary>Upper bounds of histogram buckets, seconds.</summary>
    public static readonly IReadOnlyList<double> Bounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, double.PositiveInfinity];

    private readonly ConcurrentDictionary<string, Total> _totals = new();
    private readonly MeterListener _listener = new();

    public MeterTotals()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name.StartsWith(MeterPrefix, StringComparison.Ordinal) && !instrument.IsObservable)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(Name(instrument, tags), value));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(Name(instrument, tags), value));
        _listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Record(instrument.Name, value));
        _listener.Start();
    }

    /// <summary>All totals as they are now. Times of histograms are summed in milliseconds.</summary>
    public IReadOnlyDictionary<string, long> Read() => _totals.ToDictionary(t => t.Key, t => Interlocked.Read(ref t.Value.Value));

    public void Dispose() => _listener.Dispose();

    private static string Name(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
        {
            return instrument.Name;
        }

        var sorted = tags.ToArray();
        Array.Sort(sorted, (a, b) => string.CompareOrdinal(a.Key, b.Key));
        var pairs = sorted.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Key}={t.Value}"));
        return $"{instrument.Name}{{{string.Join(',', pairs)}}}";
    }

    private void Record(string instrument, double seconds)
    {
        foreach (var bound in Bounds)
        {
            if (seconds <= bound)
            {
                Add(BucketName(instrument, bound), 1);
                break;
            }
        }

        Add(instrument + ".count", 1);
        Add(instrument + ".sum.ms", (long)(seconds * 1000));
    }

    /// <summary>The name of the values from the bound below up to <paramref name="bound"/>.</summary>
    public static string BucketName(string instrument, double bound) =>
        $"{instrument}.bucket{{le={(double.IsPositiveInfinity(bound) ? "+Inf" : bound.ToString(CultureInfo.InvariantCulture))}}}";

    private void Add(string name, long value)
    {
        var total = _totals.TryGetValue(name, out var known)
            ? known
            : _totals.GetOrAdd(_totals.Count < MaxNames ? name : OtherName, _ => new Total());
        Interlocked.Add(ref total.Value, value);
    }

    private sealed class Total
    {
        public long Value;
    }
}
