using System.Text.Json.Serialization;

namespace MailFunctions.Core.Envelopes;

/// <summary>The body of a `mail-inbound` message (design §3.1): a claim check for one accepted message.</summary>
public sealed record InboundEnvelope
{
    /// <summary>Version of this form; readers ignore fields they do not know.</summary>
    public int V { get; init; } = 1;

    /// <summary>UUIDv7, also the bus MessageId and the blob's name.</summary>
    public required string Id { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>`mx`, `submission` or `internal`: <see cref="ListenerKind"/>.</summary>
    public required string Listener { get; init; }

    public required ClientInfo Client { get; init; }

    public required ReversePath MailFrom { get; init; }

    public required IReadOnlyList<EnvelopeRecipient> Recipients { get; init; }

    /// <summary>Octets of the blob, this server's `Received:` field included.</summary>
    public required long Size { get; init; }

    /// <summary>Name in the container `messages`: `yyyy/MM/dd/{id}.eml`.</summary>
    public required string Blob { get; init; }

    /// <summary>RFC 4865: not to be processed before.</summary>
    public DateTimeOffset? HoldUntil { get; init; }

    /// <summary>Written by an authenticated client or by this system itself, not by an unauthenticated client.</summary>
    [JsonIgnore]
    public bool IsOurs => Listener == ListenerKind.Internal || (Listener == ListenerKind.Submission && Client.AuthenticatedAs is not null);
}

/// <summary>The ways in.</summary>
public static class ListenerKind
{
    public const string Mx = "mx";
    public const string Submission = "submission";

    /// <summary>Made by this system itself: delivery status notifications.</summary>
    public const string Internal = "internal";
}

/// <summary>The client of the SMTP session that brought the message.</summary>
/// <param name="Ip">Textual IPv4 or IPv6 address, behind a PROXY header the one it gives.</param>
/// <param name="Helo">The argument of EHLO or HELO.</param>
/// <param name="Tls">`TLSv1.3 TLS_AES_256_GCM_SHA384`, or null in plaintext.</param>
/// <param name="AuthenticatedAs">The account's canonical address, or null.</param>
public sealed record ClientInfo(string Ip, string? Helo, string? Tls, string? AuthenticatedAs);

/// <summary>MAIL FROM and its parameters.</summary>
public sealed record ReversePath
{
    /// <summary>Empty for the null reverse-path (RFC 5321 §4.5.5).</summary>
    public required string Address { get; init; }

    /// <summary>RFC 3461 §4.3: `FULL` or `HDRS`.</summary>
    public string? Ret { get; init; }

    /// <summary>RFC 3461 §4.4, xtext decoded.</summary>
    public string? Envid { get; init; }

    /// <summary>RFC 6531 §3.4.</summary>
    public bool SmtpUtf8 { get; init; }

    /// <summary>`7BIT` or `8BITMIME` (RFC 6152).</summary>
    public string? Body { get; init; }

    /// <summary>RFC 8689 §2.</summary>
    public bool RequireTls { get; init; }
}

/// <summary>One RCPT TO and its parameters.</summary>
public sealed record EnvelopeRecipient
{
    public required string Address { get; init; }

    /// <summary>RFC 3461 §4.1: `NEVER`, or any of `SUCCESS,FAILURE,DELAY`.</summary>
    public string? Notify { get; init; }

    /// <summary>RFC 3461 §4.2: `addr-type;xtext`, as sent.</summary>
    public string? Orcpt { get; init; }

    /// <inheritdoc cref="NotifyParameter.Asks"/>
    public bool Asks(string word) => NotifyParameter.Asks(Notify, word);
}
