using MailFunctions.Protocols.Text;

namespace MailFunctions.Protocols.Transport;

/// <summary>What came of waiting for the client.</summary>
public enum InputStatus
{
    /// <summary>Octets, or a line, are there.</summary>
    Ready,

    /// <summary>The client closed its side, or the connection broke.</summary>
    Closed,

    /// <summary>The time for this wait is over.</summary>
    TimedOut,

    /// <summary>The server is to stop: no new work is begun.</summary>
    Draining,

    /// <summary>See <see cref="LineStatus.TooLong"/>.</summary>
    LineTooLong,

    /// <summary>See <see cref="LineStatus.BareLineBreak"/>.</summary>
    BareLineBreak,

    /// <summary>The client does not read what it was answered.</summary>
    NotReading,

    /// <summary>See <see cref="SessionInput.Interrupt"/>.</summary>
    Interrupted,

    /// <summary>The TLS layer failed under an open connection: a renegotiation, or a record that can't be read.</summary>
    TlsBroken,
}
