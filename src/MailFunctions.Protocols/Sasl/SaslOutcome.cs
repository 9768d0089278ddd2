using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Sasl;

/// <summary>How a <see cref="SaslDialogue"/> ended; each protocol has its own replies for it.</summary>
public abstract record SaslOutcome
{
    /// <summary>The credentials were checked, or refused for another reason.</summary>
    public sealed record Checked(AuthenticationResult Result) : SaslOutcome;

    /// <summary>The mechanism is not offered on this connection.</summary>
    public sealed record NoMechanism : SaslOutcome;

    /// <summary>The client sent `*`.</summary>
    public sealed record Cancelled : SaslOutcome;

    /// <summary>A response is no base64, or breaks the mechanism's grammar.</summary>
    public sealed record Malformed : SaslOutcome;

    /// <summary>No response came: the session ends.</summary>
    public sealed record NoResponse(InputStatus Status) : SaslOutcome;
}
