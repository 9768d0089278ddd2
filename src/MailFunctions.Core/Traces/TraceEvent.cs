using MailFunctions.Core.Storage;

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

    /// <summary>The Message-ID header field without angle brackets, where the step knows it: the event is found by it too.</summary>
    public string? InternetMessageId { get; init; }

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

    /// <summary>The SMTP session of an accepted message: the client and the reply. Written by the edge.</summary>
    public const string Received = "received";

    /// <summary>
    /// A recipient, or the message itself, was refused in the SMTP session. The id is the transaction's: the message's own
    /// when other recipients were accepted, else of no message.
    /// </summary>
    public const string Refused = "refused";
    public const string Unreadable = "unreadable";

    /// <summary>An attempt of the functions failed, and the message comes again, until its deliveries are spent.</summary>
    public const string Failed = "failed";
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

/// <summary>Reads traces, oldest event first. Methods throw <see cref="Messages.StoreUnavailableException"/>.</summary>
public interface ITraceReader
{
    /// <summary>The whole story of one message: one partition query a page.</summary>
    Task<ListPage<TraceEvent>> ByMessageAsync(string messageId, int top, string? continuation, CancellationToken cancellationToken);

    /// <summary>What happened to mail from or to an address, canonical, in a window: one partition query for each of its days.</summary>
    Task<ListPage<TraceEvent>> ByAddressAsync(
        string address, DateTimeOffset from, DateTimeOffset to, int top, string? continuation, CancellationToken cancellationToken);

    /// <summary>The ids of messages that have a Message-ID header field; at most <paramref name="top"/>.</summary>
    Task<IReadOnlyList<string>> FindMessagesAsync(string internetMessageId, int top, CancellationToken cancellationToken);
}
