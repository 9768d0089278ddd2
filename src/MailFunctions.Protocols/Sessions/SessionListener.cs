using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Sessions;

/// <summary>What a listener of any protocol has; the same for all of its sessions.</summary>
public abstract record SessionListener
{
    /// <summary>Name in the greeting.</summary>
    public required string HostName { get; init; }

    /// <summary>Takes credentials without TLS: on loopback only.</summary>
    public bool AllowPlaintextCredentials { get; init; }

    /// <summary>The wait for the next command.</summary>
    public TimeSpan CommandTimeout { get; init; }

    /// <summary>From the greeting until no further command is taken.</summary>
    public TimeSpan SessionTime { get; init; }

    /// <summary>Failed commands before the session ends.</summary>
    public int BadCommands { get; init; } = 20;

    /// <summary>Whether a client may send credentials over this connection as it is now (RFC 8314 §4.1).</summary>
    public bool MayLogIn(ISessionConnection connection) => connection.Tls is not null || AllowPlaintextCredentials;
}
