using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Protocols.Pop3;

/// <summary>What a listener offers; the same for all of its sessions.</summary>
public sealed record Pop3Listener
{
    /// <summary>Longest command line in octets, with CRLF. RFC 2449 §4: 255 at least; the longest password needs more.</summary>
    public const int CommandLineOctets = 5 + PasswordLimits.MaxOctets + 2;

    public required string HostName { get; init; }

    /// <summary>Takes credentials without TLS: on loopback only.</summary>
    public bool AllowPlaintextCredentials { get; init; }

    /// <summary>RFC 1939 §3: 10 minutes at least.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>From the greeting until no further command but QUIT is taken.</summary>
    public TimeSpan SessionTime { get; init; } = TimeSpan.FromHours(4);

    /// <summary>Failed commands before the session ends.</summary>
    public int BadCommands { get; init; } = 20;

    /// <summary>RFC 2449 §6.5: seconds that a client has to let pass between logins; null: none.</summary>
    public int? LoginDelaySeconds { get; init; }
}

/// <summary>The ports of a session; the same for all of them.</summary>
public sealed record Pop3SessionServices
{
    public required IAuthenticator Authenticator { get; init; }

    /// <summary>Asked again while a session lasts.</summary>
    public required IOpenLogins Logins { get; init; }

    public required IMaildrops Maildrops { get; init; }

    public required IPop3Events Events { get; init; }

    /// <summary>Null: a client may log in as often as it likes.</summary>
    public ILoginPace? Pace { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Cancelled when the server is to stop: idle sessions end, a message on its way is finished.</summary>
    public CancellationToken Drain { get; init; }
}

/// <summary>Keeps clients from logging in too often (RFC 2449 §6.5).</summary>
public interface ILoginPace
{
    /// <summary>Counts a login with good credentials, or refuses it with the time that has yet to pass.</summary>
    TimeSpan TryEnter(AuthenticatedAccount account);
}

/// <summary>What happened in a session, for metrics and logs; never content, never credentials.</summary>
public interface IPop3Events
{
    void LoggedIn(IPAddress client, AuthenticatedAccount account, long messages);

    void Retrieved(long octets);

    void Deleted(int messages);
}

/// <summary>Why a session ended.</summary>
public enum Pop3SessionEnd
{
    Quit,
    ClientClosed,
    TimedOut,
    Drained,
    ProtocolError,
    TooManyErrors,
    TlsFailed,
    Throttled,
    LockLost,
    LoginEnded,
    StoreAway,

    /// <summary>The client did not read its replies.</summary>
    NotReading,

    /// <summary>The TLS layer failed: the client renegotiated, or sent what is no TLS.</summary>
    TlsBroken,
}
