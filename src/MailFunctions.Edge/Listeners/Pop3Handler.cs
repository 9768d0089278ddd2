using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Telemetry;
using MailFunctions.Edge.Tls;
using MailFunctions.Protocols.Pop3;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Transport;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Listeners;

/// <summary>POP3 sessions (ports 110 and 995).</summary>
internal sealed class Pop3Handler(
    Pop3SessionServices services, IOptions<EdgeOptions> edge, IOptions<Pop3Options> pop3, EdgeEvents events,
    ServerCertificate certificate, ILogger<Pop3Handler> logger)
    : MailConnectionHandler("pop3", events, certificate, logger)
{
    private readonly Pop3Listener _listener = new()
    {
        HostName = edge.Value.HostName,
        AllowPlaintextCredentials = edge.Value.AllowPlaintextCredentials,
        CommandTimeout = pop3.Value.IdleTimeout,
        SessionTime = pop3.Value.MaxSessionTime,
        BadCommands = pop3.Value.MaxBadCommands,
        LoginDelaySeconds = pop3.Value.LoginDelay > TimeSpan.Zero ? (int)pop3.Value.LoginDelay.TotalSeconds : null,
    };

    protected override string Refusal(ConnectionAdmission admission) => "-ERR [SYS/TEMP] Too many connections, try again later";

    protected override Task<SessionEnd> RunSessionAsync(ISessionConnection connection, CancellationToken abort) =>
        new Pop3Session(connection, _listener, services).RunAsync(abort);
}
