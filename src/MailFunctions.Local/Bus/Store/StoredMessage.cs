namespace MailFunctions.Local.Bus.Store;

/// <summary>Service Bus's message states, by their numbers on the wire.</summary>
internal enum MessageState
{
    Active = 0,
    Deferred = 1,
    Scheduled = 2,
}

/// <summary>A message as it waits in a queue. Times are UTC, to the millisecond.</summary>
/// <param name="Body">The AMQP message as the sender encoded it.</param>
/// <param name="DeliveryCount">Deliveries so far, the one under way included.</param>
internal sealed record StoredMessage(
    long Sequence,
    byte[] Body,
    MessageState State,
    DateTime EnqueuedAt,
    DateTime? ScheduledFor,
    int DeliveryCount,
    Guid LockToken,
    DateTime LockedUntil,
    string? DeadLetterReason,
    string? DeadLetterDescription,
    string? DeadLetterSource);

/// <summary>A message on its way into a queue.</summary>
internal sealed record NewMessage(string MessageId, byte[] Body, DateTime? ScheduledFor, TimeSpan? TimeToLive);

/// <summary>How a receiver ends a delivery.</summary>
internal abstract record Settlement
{
    /// <summary>What becomes of the encoded message that stays, when the receiver changed its properties.</summary>
    public Func<byte[], byte[]>? Rewrite { get; init; }

    public sealed record Complete : Settlement;

    /// <summary>Back into the queue; the delivery counts.</summary>
    public sealed record Abandon : Settlement;

    /// <summary>Back into the queue; it never reached the receiver, so it does not count.</summary>
    public sealed record Release : Settlement;

    /// <summary>Aside until somebody asks for its sequence number.</summary>
    public sealed record Defer : Settlement;

    public sealed record DeadLetter(string? Reason, string? Description) : Settlement;
}

/// <summary>What waits in a queue.</summary>
internal sealed record StoredCounts(long Active, long Deferred, long Scheduled, long Octets);
