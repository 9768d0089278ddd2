using MailFunctions.Core.Envelopes;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Telemetry;
using MailFunctions.Edge.Tls;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Smtp;
using MailFunctions.Protocols.Transport;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Listeners;

/// <summary>SMTP sessions of one kind of listener.</summary>
internal abstract class SmtpHandler(
    string kind, SmtpSessionServices services, IOptions<EdgeOptions> edge, IOptions<SmtpOptions> smtp, EdgeEvents events,
    ServerCertificate certificate, ILogger logger)
    : MailConnectionHandler(kind, events, certificate, logger)
{
    private readonly SmtpListener _listener = new()
    {
        Kind = kind,
        HostName = edge.Value.HostName,
        AllowPlaintextCredentials = edge.Value.AllowPlaintextCredentials,
        CommandTimeout = smtp.Value.CommandTimeout,
        SessionTime = smtp.Value.MaxSessionTime,
        BadCommands = smtp.Value.MaxBadCommands,
        RelayAllowed = smtp.Value.RelayAllowed && kind == ListenerKind.Submission,
        Limits = new SmtpLimits
        {
            MessageOctets = smtp.Value.MaxMessageOctets,
            Recipients = smtp.Value.MaxRecipients,
            DataTimeout = smtp.Value.DataTimeout,
            MinDataRate = smtp.Value.MinDataRate,
        },
    };

    protected override string Refusal(ConnectionAdmission admission) => admission == ConnectionAdmission.ClientFull
        ? $"421 4.7.0 {_listener.HostName} Too many connections from your address, try again later"
        : $"421 4.7.0 {_listener.HostName} Too many connections, try again later";

    protected override Task<SessionEnd> RunSessionAsync(ISessionConnection connection, CancellationToken abort) =>
        new SmtpSession(connection, _listener, services).RunAsync(abort);
}

/// <summary>Mail from other servers, for our recipients (port 25).</summary>
internal sealed class MxHandler(
    SmtpSessionServices services, IOptions<EdgeOptions> edge, IOptions<SmtpOptions> smtp, EdgeEvents events, ServerCertificate certificate,
    ILogger<MxHandler> logger)
    : SmtpHandler(ListenerKind.Mx, services, edge, smtp, events, certificate, logger);

/// <summary>Mail from our users' clients (ports 587 and 465, RFC 6409, RFC 8314).</summary>
internal sealed class SubmissionHandler(
    SmtpSessionServices services, IOptions<EdgeOptions> edge, IOptions<SmtpOptions> smtp, EdgeEvents events, ServerCertificate certificate,
    ILogger<SubmissionHandler> logger)
    : SmtpHandler(ListenerKind.Submission, services, edge, smtp, events, certificate, logger);
