using MailFunctions.Core.Envelopes;

namespace MailFunctions.Functions.Dsn;

/// <summary>One delivery status notification to the sender of a message (RFC 3464).</summary>
internal sealed record Report
{
    /// <summary>Names what is reported: with the same key and time it is the same report, and arrives once.</summary>
    public required string Key { get; init; }

    /// <summary>Of the message that the report is about.</summary>
    public required ReversePath MailFrom { get; init; }
    public required string Blob { get; init; }

    /// <summary>Octets of the blob.</summary>
    public required long Size { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>The message originates here, so that its sender is no forgery.</summary>
    public required bool IsOurs { get; init; }
    public required IReadOnlyList<ReportedRecipient> Recipients { get; init; }

    /// <summary>When the last attempt is made, where attempts remain.</summary>
    public DateTimeOffset? RetriedUntil { get; init; }

    /// <summary>When the latest of its events happened.</summary>
    public DateTimeOffset At => Recipients.Max(r => r.At);

    public bool Has(DsnAction action) => Recipients.Any(r => r.Action == action);
}

/// <summary>What a report says of one recipient.</summary>
/// <param name="Address">The final recipient.</param>
/// <param name="Orcpt">The original recipient, as `addr-type;xtext` (RFC 3461 §4.2).</param>
/// <param name="Status">RFC 3463 status.</param>
/// <param name="Reply">The reply as the remote host gave it, in one line; or a text of our own.</param>
/// <param name="RemoteHost">Whose reply it is; null: a text of our own.</param>
internal sealed record ReportedRecipient(
    string Address, string? Orcpt, DsnAction Action, string Status, string Reply, string? RemoteHost, DateTimeOffset At);
