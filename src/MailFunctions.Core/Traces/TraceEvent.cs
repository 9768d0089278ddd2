namespace MailFunctions.Core.Traces;

/// <summary>A step on the way of a message: a row of `traces`.</summary>
public sealed record TraceEvent
{
    /// <summary>The message's UUIDv7.</summary>
    public required string MessageId { get; init; }
    public required DateTimeOffset At { get; init; }

    /// <summary>One of <see cref="TraceKind"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Canonical addresses under which the event is found too: sender, recipient.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>One line for the postmaster; never content, never credentials.</summary>
    public string? Detail { get; init; }
}

/// <summary>The words of <see cref="TraceEvent.Kind"/> (design §3.3).</summary>
public static class TraceKind
{
    public const string Accepted = "accepted";
    public const string Delivered = "delivered";
    public const string Relayed = "relayed";
    public const string Deferred = "deferred";
    public const string Bounced = "bounced";
    public const string Quarantined = "quarantined";
    public const string Unreadable = "unreadable";
}

/// <summary>
/// Takes trace events. The same event written twice leaves one row only when <see cref="TraceEvent.At"/> is the same too:
/// give the time of the step, as the envelope or the delivery has it, and never the time of the call, so that a
/// redelivered message finds the rows of its first delivery.
/// </summary>
public interface ITraceWriter
{
    Task WriteAsync(IReadOnlyList<TraceEvent> events, CancellationToken cancellationToken);
}
