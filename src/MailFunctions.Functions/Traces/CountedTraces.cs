using System.Diagnostics.Metrics;
using MailFunctions.Core.Traces;

namespace MailFunctions.Functions.Traces;

/// <summary>
/// Counts what the functions trace: every outcome of a recipient is an event, so every outcome is counted, and what was
/// accepted and delivered in one go gives the latency between the two. A message that comes twice is counted twice.
/// </summary>
internal sealed class CountedTraces : ITraceWriter
{
    public const string MeterName = "MailFunctions.Functions";
    public const string EventsName = "mail.events";
    public const string LatencyName = "mail.delivery.latency";

    private readonly ITraceWriter _inner;
    private readonly Counter<long> _events;
    private readonly Histogram<double> _latency;

    public CountedTraces(ITraceWriter inner, IMeterFactory meters)
    {
        _inner = inner;
        var meter = meters.Create(MeterName);
        _events = meter.CreateCounter<long>(EventsName, "{event}", "Steps of messages, by kind");
        _latency = meter.CreateHistogram<double>(LatencyName, "s", "From accepted to delivered");
    }

    public async Task WriteAsync(IReadOnlyList<TraceEvent> events, CancellationToken cancellationToken)
    {
        await _inner.WriteAsync(events, cancellationToken);
        var accepted = events.FirstOrDefault(e => e.Kind == TraceKind.Accepted);
        foreach (var e in events)
        {
            _events.Add(1, new KeyValuePair<string, object?>("kind", e.Kind));
            if (e.Kind == TraceKind.Delivered && e.MessageId == accepted?.MessageId)
            {
                _latency.Record(Math.Max(0, (e.At - accepted.At).TotalSeconds));
            }
        }
    }
}

/// <summary>Puts the counting before the writing.</summary>
internal static class CountedTracesRegistration
{
    /// <summary>Needs the writer that <see cref="Azure.StorageRegistration"/> registers.</summary>
    public static void AddCountedTraces(this IServiceCollection services)
    {
        var inner = services.Last(d => d.ServiceType == typeof(ITraceWriter)).ImplementationFactory
            ?? throw new InvalidOperationException("The writer of traces is registered by a factory.");
        services.AddSingleton<ITraceWriter>(s => new CountedTraces((ITraceWriter)inner(s), s.GetRequiredService<IMeterFactory>()));
    }
}
