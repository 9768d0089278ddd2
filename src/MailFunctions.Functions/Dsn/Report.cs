using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Dsn;

/// <summary>What the sender of one message is to know: one delivery status notification (RFC 3464).</summary>
internal sealed record Report
{
    /// <summary>Names the decision that is reported: with the same key and time it is the same report, and arrives once.</summary>
    public required string Key { get; init; }

    /// <summary>Of the message that the report is about.</summary>
    public required ReversePath MailFrom { get; init; }
    public required string Blob { get; init; }

    /// <summary>Octets of the blob.</summary>
    public required long Size { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>The message began here, so that its sender is no forgery.</summary>
    public required bool IsOurs { get; init; }
    public required IReadOnlyList<ReportedRecipient> Recipients { get; init; }

    /// <summary>When the last attempt is made, where there is another one.</summary>
    public DateTimeOffset? RetriedUntil { get; init; }

    /// <summary>When the last of it happened.</summary>
    public DateTimeOffset At => Recipients.Max(r => r.At);

    public bool Has(DsnAction action) => Recipients.Any(r => r.Action == action);
}

/// <summary>What a report says of one recipient.</summary>
/// <param name="Status">RFC 3463 status.</param>
/// <param name="Reply">The reply as the remote host gave it, in one line; or our own words.</param>
/// <param name="RemoteHost">Whose reply it is; null: our own words.</param>
/// <param name="At">When.</param>
internal sealed record ReportedRecipient(
    OutboundRecipient Recipient, DsnAction Action, string Status, string Reply, string? RemoteHost, DateTimeOffset At);
