using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Relay;

/// <summary>
/// One message on its way to one domain: a row of `outbound`. The row is the truth; the bus message is its alarm clock
/// and is dropped when its generation is not the row's.
/// </summary>
public sealed record OutboundJob
{
    /// <summary>Derived from message, domain and forwarding address, so that splitting a message again makes the same jobs.</summary>
    public required string Id { get; init; }

    /// <summary>The recipients' domain in its canonical form, or an address literal.</summary>
    public required string Domain { get; init; }
    public required string MessageId { get; init; }
    public required string Blob { get; init; }

    /// <summary>Octets of the blob.</summary>
    public required long Size { get; init; }

    /// <summary>As it goes out: on a forwarded message rewritten.</summary>
    public required ReversePath MailFrom { get; init; }

    /// <summary>The message originates here, so it leaves with its domain's DKIM signatures.</summary>
    public bool IsOurs { get; init; }

    /// <summary>Our address that forwarded the message, sent as a field before it (RFC 9228 §3); null: not forwarded.</summary>
    public string? DeliveredTo { get; init; }

    /// <summary>When the message was accepted, or its sender's hold ended (RFC 4865): the time for retries runs from it.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>Recipients without a final result.</summary>
    public required IReadOnlyList<OutboundRecipient> Recipients { get; init; }

    /// <summary>
    /// Addresses of all that the row was made for: a message that is split again, by a directory that has changed, misses none.
    /// Empty in rows from before.
    /// </summary>
    public IReadOnlyList<string> MadeFor { get; init; } = [];

    /// <summary>The results of the last attempt, until they are reported to traces and sender.</summary>
    public IReadOnlyList<RecipientResult> Results { get; init; } = [];

    /// <summary>One of <see cref="JobState"/>.</summary>
    public string State { get; init; } = JobState.Queued;
    public int Attempts { get; init; }
    public required DateTimeOffset NextAttempt { get; init; }

    /// <summary>The last reply of a remote host, or why there was none.</summary>
    public string? LastReply { get; init; }

    /// <summary>Raised with each new alarm.</summary>
    public int Generation { get; init; } = 1;

    /// <summary>Until then the invocation that took the lease owns the job.</summary>
    public DateTimeOffset? LeasedUntil { get; init; }

    /// <summary>When the sender got a warning of the delay.</summary>
    public DateTimeOffset? WarnedAt { get; init; }

    /// <summary>The trace that the message came with, for every attempt (W3C Trace Context); null without an exporter.</summary>
    public string? TraceParent { get; init; }

    /// <summary>When the state changed last.</summary>
    public DateTimeOffset ChangedAt { get; init; }

    /// <summary>The storage's version tag; empty for a new one.</summary>
    public string ETag { get; init; } = "";
}

/// <summary>The words of <see cref="OutboundJob.State"/>.</summary>
public static class JobState
{
    public const string Queued = "queued";

    /// <summary>On hold by the postmaster: no attempt is made until it is released.</summary>
    public const string Held = "held";

    /// <summary>No recipient is left; the report to the sender is still to be made.</summary>
    public const string Reporting = "reporting";

    /// <summary>The former word for <see cref="Reporting"/> in rows and requests: understood for one more release, never written.</summary>
    public const string FormerReporting = "telling";

    /// <summary>No recipient is left. The row is kept for a while, so that splitting the message again does not send it again.</summary>
    public const string Done = "done";

    /// <summary>The present word for a state.</summary>
    public static string? Current(string? state) => state == FormerReporting ? Reporting : state;
}

/// <summary>A remote recipient.</summary>
public sealed record OutboundRecipient
{
    public required string Address { get; init; }

    /// <summary>RFC 3461 §4.1: `NEVER`, or any of `SUCCESS,FAILURE,DELAY`; null when the sender did not say.</summary>
    public string? Notify { get; init; }

    /// <summary>RFC 3461 §4.2: `addr-type;xtext`, as sent.</summary>
    public string? Orcpt { get; init; }

    /// <summary>The last reply for this recipient.</summary>
    public string? LastReply { get; init; }

    /// <inheritdoc cref="NotifyParameter.Asks"/>
    public bool Asks(string word) => NotifyParameter.Asks(Notify, word);
}

/// <summary>The result of an attempt for one recipient.</summary>
/// <param name="Kind">One of <see cref="ResultKind"/>.</param>
/// <param name="Status">RFC 3463 status, such as `5.1.1`.</param>
/// <param name="Reply">The reply as the peer gave it, in one line; or our own words.</param>
/// <param name="RemoteHost">The host that replied; null: this system decided.</param>
/// <param name="At">When.</param>
/// <param name="NotifiesItself">The peer has the DSN extension and took our NOTIFY with the recipient.</param>
public sealed record RecipientResult(
    OutboundRecipient Recipient,
    string Kind,
    string Status,
    string Reply,
    string? RemoteHost,
    DateTimeOffset At,
    bool NotifiesItself = false);

/// <summary>The words of <see cref="RecipientResult.Kind"/>.</summary>
public static class ResultKind
{
    public const string Relayed = "relayed";
    public const string Deferred = "deferred";
    public const string Failed = "failed";

    /// <summary>Cancelled by the postmaster, without a report to the sender.</summary>
    public const string Dropped = "dropped";
}
