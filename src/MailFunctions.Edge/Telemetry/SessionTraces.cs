using System.Diagnostics.Metrics;
using System.Threading.Channels;
using MailFunctions.Azure.Hosting;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;

namespace MailFunctions.Edge.Telemetry;

/// <summary>
/// Writes the events of sessions into `traces`, in batches, behind them: a session only ever puts its event into
/// a bounded channel. What does not fit, or can't be written, is dropped and counted.
/// </summary>
internal sealed class SessionTraces : WriteBehind
{
    public const int Capacity = 5000;
    public const int BatchSize = 200;

    private readonly Channel<TraceEvent> _events =
        Channel.CreateBounded<TraceEvent>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly ITraceWriter _writer;
    private readonly Counter<long> _dropped;

    public SessionTraces(ITraceWriter writer, IMeterFactory meters, TimeProvider time)
        : base(TimeSpan.FromSeconds(1), time)
    {
        _writer = writer;
        _dropped = meters.Create(EdgeEvents.MeterName)
            .CreateCounter<long>("mail.traces.dropped", "{event}", "Trace events of sessions that were not written");
    }

    /// <summary>Never waits.</summary>
    public void Add(TraceEvent e)
    {
        if (!_events.Writer.TryWrite(e))
        {
            _dropped.Add(1);
        }
    }

    protected override async Task FlushAsync(CancellationToken cancellationToken)
    {
        while (await WriteAsync(cancellationToken) == BatchSize)
        {
            // There is more.
        }
    }

    /// <summary>Writes one batch of what is there; how many events that were.</summary>
    public async Task<int> WriteAsync(CancellationToken cancellationToken)
    {
        var batch = new List<TraceEvent>();
        while (batch.Count < BatchSize && _events.Reader.TryRead(out var e))
        {
            batch.Add(e);
        }

        try
        {
            await _writer.WriteAsync(batch, cancellationToken);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            _dropped.Add(batch.Count);
        }

        return batch.Count;
    }
}
