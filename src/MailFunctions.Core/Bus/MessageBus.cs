namespace MailFunctions.Core.Bus;

/// <summary>One message for the bus: at most 256 KB with its properties.</summary>
/// <param name="MessageId">Key of duplicate detection: sending it twice is safe.</param>
/// <param name="Body">UTF-8 JSON.</param>
public sealed record BusMessage(string MessageId, ReadOnlyMemory<byte> Body)
{
    /// <summary>Becomes visible to receivers only then.</summary>
    public DateTimeOffset? ScheduledEnqueueTime { get; init; }

    /// <summary>W3C trace context of the sender, carried as `Diagnostic-Id`.</summary>
    public string? TraceParent { get; init; }
}

/// <summary>Sends to queues. Every method returns only once the bus has settled the message durably.</summary>
/// <exception cref="BusUnavailableException">The bus could not be reached, or did not settle, within the send's time limit.</exception>
public interface IBusSender
{
    /// <summary>Opens the way to a queue ahead of the first send, and asks the bus each time whether it may be used.</summary>
    Task OpenAsync(string queue, CancellationToken cancellationToken);

    Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken);

    /// <summary>In as few transfers as the link's maximum message size allows; of each transfer all or none.</summary>
    Task SendBatchAsync(string queue, IReadOnlyList<BusMessage> messages, CancellationToken cancellationToken);

    /// <summary>Returns the sequence number by which the message can be cancelled.</summary>
    Task<long> ScheduleAsync(string queue, BusMessage message, DateTimeOffset enqueueTime, CancellationToken cancellationToken);

    /// <summary>False when it was delivered or cancelled before.</summary>
    Task<bool> CancelScheduledAsync(string queue, long sequenceNumber, CancellationToken cancellationToken);
}

/// <summary>What waits in a queue.</summary>
public sealed record QueueCounts(long Active, long Scheduled, long DeadLettered, DateTimeOffset? OldestEnqueuedAt);

/// <summary>Reads the state of queues.</summary>
public interface IBusMonitor
{
    Task<QueueCounts> CountAsync(string queue, CancellationToken cancellationToken);
}

/// <summary>The queues of the system (design §3.1).</summary>
public static class QueueNames
{
    public const string Inbound = "mail-inbound";
    public const string Outbound = "mail-outbound";
    public const string DeadLetterSuffix = "/$DeadLetterQueue";

    /// <summary>Deliveries after which the bus gives up on a message; the queues are made so (`infra/`, the local bus).</summary>
    public const int MaxDeliveries = 10;

    /// <summary>The bus's word for having given up so.</summary>
    public const string DeliveriesSpent = "MaxDeliveryCountExceeded";
}

/// <summary>The bus could not be reached, refused, or did not answer for as long as the operation may wait.</summary>
public sealed class BusUnavailableException(string message, Exception? inner = null) : IOException(message, inner);
