using System.Diagnostics.Metrics;
using System.Threading.Channels;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;

namespace MailFunctions.Edge.Telemetry;

/// <summary>
/// Writes the events of sessions into `traces`, in batches, behind them: a session only ever puts its event into
/// a bounded channel. What does not fit, or can't be written, is dropped and counted.
/// </summary>
internal sealed class SessionTraces : BackgroundService
{
    public const int Capacity = 5000;
    public const int BatchSize = 200;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Channel<TraceEvent> _events = Channel.CreateBounded<TraceEvent>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly ITraceWriter _writer;
    private readonly TimeProvider _time;
    private readonly Counter<long> _dropped;

    public SessionTraces(ITraceWriter writer, IMeterFactory meters, TimeProvider time)
    {
        (_writer, _time) = (writer, time);
        _dropped = meters.Create(EdgeEvents.MeterName).CreateCounter<long>("mail.traces.dropped", "{event}", "Trace events of sessions that were not written");
    }

    /// <summary>Never waits.</summary>
    public void Add(TraceEvent e)
    {
        if (!_events.Writer.TryWrite(e))
        {
            _dropped.Add(1);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Pause, _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(3), _time); // the last ones of a process that stops, too
            while (await WriteAsync(stoppingToken.IsCancellationRequested ? limit.Token : stoppingToken) == BatchSize)
            {
                // There is more.
            }
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
