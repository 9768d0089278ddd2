using System.Collections.Concurrent;

namespace MailFunctions.Local.Bus.Store;

/// <summary>Waits for messages of a queue.</summary>
internal interface IReceiver
{
    /// <summary>There may be something to receive.</summary>
    void Wake();
}

/// <summary>What the links share: the queues, their store, and who waits for messages.</summary>
internal sealed partial class LocalBus(
    IReadOnlyList<string> queues, QueueSettings settings, QueueStore store, SharedAccessKey key, TimeProvider time,
    ILogger<LocalBus> logger)
{
    /// <summary>How late a scheduled message or a lost lock may be noticed.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<IReceiver, string> _receivers = new();
    private readonly HashSet<string> _entities =
        [.. queues.Select(QueueSettings.Normalize), .. queues.Select(q => QueueSettings.Normalize(q) + QueueSettings.DeadLetterSuffix)];

    public QueueSettings Settings => settings;

    public QueueStore Store => store;

    public SharedAccessKey Key => key;

    public TimeProvider Time => time;

    public bool Has(string entity) => _entities.Contains(entity);

    public void Subscribe(string queue, IReceiver receiver) => _receivers.TryAdd(receiver, queue);

    public void Unsubscribe(string queue, IReceiver receiver) => _receivers.TryRemove(KeyValuePair.Create(receiver, queue));

    /// <summary>The queue, or its dead letters, may have something to receive.</summary>
    public void Announce(string queue)
    {
        foreach (var (receiver, of) in _receivers)
        {
            if (of.StartsWith(queue, StringComparison.Ordinal))
            {
                receiver.Wake();
            }
        }
    }

    /// <summary>Runs until cancelled: what time brings about.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(SweepInterval, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            try
            {
                if (await store.SweepAsync([.. _entities]))
                {
                    foreach (var receiver in _receivers.Keys)
                    {
                        receiver.Wake();
                    }
                }
            }
            catch (Microsoft.Data.Sqlite.SqliteException e)
            {
                ReportFault("The queues could not be swept", e);
            }
        }
    }

    public void ReportFault(string what, Exception e) => Log.Fault(logger, what, e);

    private static partial class Log
    {
        [LoggerMessage(2100, LogLevel.Error, "{What}", EventName = "BusFault")]
        public static partial void Fault(ILogger logger, string what, Exception e);
    }
}
