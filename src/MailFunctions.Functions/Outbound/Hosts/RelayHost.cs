using System.Net;

namespace MailFunctions.Functions.Outbound.Hosts;

/// <summary>How a session with a relay host is protected.</summary>
internal enum RelayTls
{
    /// <summary>STARTTLS when the peer offers it, its certificate not checked (RFC 3207 §4.1 allows both).</summary>
    Opportunistic,

    /// <summary>STARTTLS with a certificate that is checked, or nothing is sent.</summary>
    StartTls,

    /// <summary>TLS from the first octet, its certificate checked.</summary>
    Implicit,

    /// <summary>Plaintext.</summary>
    None,
}

/// <summary>A host that mail is relayed to: a mail exchange, or a fixed host such as a smarthost.</summary>
internal sealed record RelayHost(string Host, int Port, RelayTls Tls, string? UserName, string? Password)
{
    /// <summary>Where to connect; null: the name is still to be resolved.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Found by MX, so that the TLS policies of the mail's domain apply.</summary>
    public bool IsExchange { get; init; }

    /// <summary>What its TLSA records require; null: it has none that can be trusted.</summary>
    public DaneRule? Dane { get; init; }

    /// <summary>The lookup of its TLSA records failed: it is not to be used (RFC 7672 §2.1.2).</summary>
    public bool IsDaneUnknown { get; init; }

    // A record would print its members: passwords never reach a log.
    public override string ToString() => $"{Host}:{Port}";
}
