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
}
