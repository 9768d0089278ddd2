using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Sessions;

namespace MailFunctions.Protocols.Smtp;

/// <summary>What an SMTP listener offers.</summary>
public sealed record SmtpListener : SessionListener
{
    public SmtpListener()
    {
        CommandTimeout = TimeSpan.FromMinutes(5); // RFC 5321 §4.5.3.2.7
        SessionTime = TimeSpan.FromHours(1);
    }

    /// <summary>`mx` or `submission`: <see cref="ListenerKind"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Authenticated accounts may send to other domains.</summary>
    public bool RelayAllowed { get; init; }

    public SmtpLimits Limits { get; init; } = SmtpLimits.Default;

    public bool IsSubmission => Kind == ListenerKind.Submission;
}
