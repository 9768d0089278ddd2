using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;

namespace MailFunctions.Protocols.Smtp;

/// <summary>The ports of an SMTP session; the same for all of them.</summary>
public sealed record SmtpSessionServices : SessionServices
{
    public required IMessageIntake Intake { get; init; }

    /// <summary>What messages under way may hold.</summary>
    public MessageMemory Memory { get; init; } = MessageMemory.Unbounded();

    public required ISmtpPolicy Policy { get; init; }

    public required ISmtpEvents Events { get; init; }
}
