using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Relay;

/// <summary>
/// One message on its way to one domain: a row of `outbound`. The row is the truth; the bus message is its alarm clock
/// and is dropped when its generation is not the row's.
/// </summary>
public sealed record OutboundJob
{
    /// <summary>Derived from message, domain and the way here, so that splitting a message again makes the same jobs.</summary>
    public required string Id { get; init; }

    /// <summary>The recipients' domain in its canonical form, or an address literal.</summary>
    public required string Domain { get; init; }
    public required string MessageId { get; init; }
    public required string Blob { get; init; }

    /// <summary>Octets of the blob.</summary>
    public required long Size { get; init; }

    /// <summary>As it goes out: on a forwarded message rewritten.</summary>
    public required ReversePath MailFrom { get; init; }

    /// <summary>The message began here, so it leaves with its domain's DKIM signatures.</summary>
    public bool IsOurs { get; init; }

    /// <summary>
    /// The address of ours that sent the message on: it goes out as a field before the content (RFC 9228 §3); null: none
    /// did.
    /// </summary>
    public string? DeliveredTo { get; init; }

    /// <summary>When the message was accepted, or until when its sender had it held (RFC 4865): retries end by it.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>Those that are still to be reached.</summary>
    public required IReadOnlyList<OutboundRecipient> Recipients { get; init; }

    /// <summary>
    /// Addresses of all that the row was made for: a message that is split again, by a directory that has changed, misses none.
    /// Empty in rows from before.
    /// </summary>
    public IReadOnlyList<string> MadeFor { get; init; } = [];

    /// <summary>What the last attempt came to, until it is written to the traces and reported to the sender.</summary>
    public IReadOnlyList<RecipientResult> Results { get; init; } = [];

    /// <summary>One of <see cref="JobState"/>.</summary>
    public string State { get; init; } = JobState.Queued;
    public int Attempts { get; init; }
    public required DateTimeOffset NextAttempt { get; init; }

    /// <summary>The last answer of a remote host, or what kept us from getting one.</summary>
    public string? LastReply { get; init; }

    /// <summary>Raised with each new alarm.</summary>
    public int Generation { get; init; } = 1;

    /// <summary>Until then the job belongs to the function that took the lease.</summary>
    public DateTimeOffset? LeasedUntil { get; init; }

    /// <summary>When the sender got a warning of the delay.</summary>
    public DateTimeOffset? WarnedAt { get; init; }

    /// <summary>The trace that the message came with, for every attempt (W3C Trace Context); null without an exporter.</summary>
    public string? TraceParent { get; init; }

    /// <summary>When the row came to its present state.</summary>
    public DateTimeOffset ChangedAt { get; init; }

    /// <summary>The storage's version tag; empty for a new one.</summary>
    public string ETag { get; init; } = "";
}

/// <summary>The words of <see cref="OutboundJob.State"/>.</summary>
public static class JobState
{
    public const string Queued = "queued";

    /// <summary>On hold by the postmaster until it is released.</summary>
    public const string Held = "held";

    /// <summary>Nobody is left, and the sender has yet to be told.</summary>
    public const string Telling = "telling";

    /// <summary>No recipient is left. The row stays for a while, so that a message that is split again is not sent again.</summary>
    public const string Done = "done";
}

/// <summary>A recipient on its way out.</summary>
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

/// <summary>What an attempt came to for one recipient.</summary>
/// <param name="Kind">One of <see cref="ResultKind"/>.</param>
/// <param name="Status">RFC 3463 status, such as `5.1.1`.</param>
/// <param name="Reply">The reply as the peer gave it, in one line; or our own words.</param>
/// <param name="RemoteHost">The host that replied; null: this system decided.</param>
/// <param name="At">When.</param>
/// <param name="NotifiesItself">The peer has the DSN extension and took our NOTIFY with the recipient.</param>
public sealed record RecipientResult(
    OutboundRecipient Recipient, string Kind, string Status, string Reply, string? RemoteHost, DateTimeOffset At,
    bool NotifiesItself = false);

/// <summary>The words of <see cref="RecipientResult.Kind"/>.</summary>
public static class ResultKind
{
    public const string Relayed = "relayed";
    public const string Deferred = "deferred";
    public const string Failed = "failed";

    /// <summary>Taken back by the postmaster, without a word to the sender.</summary>
    public const string Dropped = "dropped";
}
