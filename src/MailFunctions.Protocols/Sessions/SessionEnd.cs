using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Sessions;

/// <summary>Why a session ended, whatever its protocol. The names are the values of the tag `end` of `mail.sessions`.</summary>
public enum SessionEnd
{
    /// <summary>The client said QUIT.</summary>
    Quit,
    ClientClosed,
    TimedOut,

    /// <summary>The server stops.</summary>
    Drained,
    ProtocolError,
    TooManyErrors,

    /// <summary>No handshake came of STARTTLS or STLS.</summary>
    TlsFailed,

    /// <summary>The TLS layer failed: the client renegotiated, or sent what is no TLS.</summary>
    TlsBroken,

    /// <summary>Too many failed logins.</summary>
    Throttled,

    /// <summary>The account or its password has changed.</summary>
    LoginEnded,

    /// <summary>The client did not read its replies.</summary>
    NotReading,

    /// <summary>SMTP: its message came in too slowly while others waited for room.</summary>
    TooSlow,

    /// <summary>POP3: another session has the maildrop.</summary>
    LockLost,

    /// <summary>POP3: storage failed inside a message.</summary>
    StoreAway,

    /// <summary>The transport failed under the session.</summary>
    Lost,

    /// <summary>A bug.</summary>
    Fault,
}

internal static class InputStatusEnd
{
    /// <summary>How a session ends whose input came to this; not for <see cref="InputStatus.Ready"/>.</summary>
    public static SessionEnd ToSessionEnd(this InputStatus status) => status switch
    {
        InputStatus.TimedOut => SessionEnd.TimedOut,
        InputStatus.Draining => SessionEnd.Drained,
        InputStatus.LineTooLong or InputStatus.BareLineBreak => SessionEnd.ProtocolError,
        InputStatus.NotReading => SessionEnd.NotReading,
        InputStatus.Interrupted => SessionEnd.TooSlow,
        InputStatus.TlsBroken => SessionEnd.TlsBroken,
        _ => SessionEnd.ClientClosed,
    };
}
