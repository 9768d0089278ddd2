using System.Net;
using System.Security.Authentication;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Connections;
using MailFunctions.Edge.Telemetry;
using MailFunctions.Edge.Tls;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Transport;
using Microsoft.AspNetCore.Connections;

namespace MailFunctions.Edge.Listeners;

/// <summary>One connection from admission to close: session, orderly end.</summary>
internal abstract partial class MailConnectionHandler(string listener, EdgeEvents events, ServerCertificate certificate, ILogger logger)
    : ConnectionHandler
{
    /// <summary>The answer to a client that is not admitted: one line without its line end.</summary>
    protected abstract string Refusal(ConnectionAdmission admission);

    /// <summary>Runs the session to its end; why it ended.</summary>
    protected abstract Task<SessionEnd> RunSessionAsync(ISessionConnection connection, CancellationToken abort);

    public override async Task OnConnectedAsync(ConnectionContext context)
    {
        await using var connection = new EdgeConnection(context, certificate, logger);
        if (context.Features.Get<RefusedConnection>() is { } refused)
        {
            await RefuseAsync(connection, refused.Why, context.ConnectionClosed);
        }
        else
        {
            events.SessionEnded(listener, (await RunAsync(connection)).ToString());
        }

        if (connection.Tls is not null)
        {
            context.Features.Get<ConnectionClosing>()?.Begin(); // the TLS layer sends its close_notify, to a client that may not read it
        }
    }

    private async Task<SessionEnd> RunAsync(EdgeConnection connection)
    {
        try
        {
            // Not ConnectionClosed: it fires when a client has closed its side only and still waits for replies.
            return await RunSessionAsync(connection, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return SessionEnd.Lost; // no reply would arrive
        }
        catch (AuthenticationException)
        {
            return SessionEnd.TlsBroken;
        }
        catch (Exception e)
        {
            Log.SessionFailed(logger, connection.RemoteEndPoint.Address, e);
            return SessionEnd.Fault;
        }
    }

    private async Task RefuseAsync(EdgeConnection connection, ConnectionAdmission admission, CancellationToken closed)
    {
        Log.Refused(logger, connection.RemoteEndPoint.Address, admission);
        events.SessionEnded(listener, admission.ToString());
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(closed);
        limit.CancelAfter(TimeSpan.FromSeconds(5));
        try
        {
            await connection.Output.WriteAsync(System.Text.Encoding.ASCII.GetBytes(Refusal(admission) + "\r\n"), limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It did not wait for the answer.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1130, LogLevel.Warning, "Connection from {Client} refused: {Admission}", EventName = "ConnectionRefused")]
        public static partial void Refused(ILogger logger, IPAddress client, ConnectionAdmission admission);

        [LoggerMessage(1131, LogLevel.Error, "A session with {Client} ended by a fault of ours", EventName = "SessionFailed")]
        public static partial void SessionFailed(ILogger logger, IPAddress client, Exception e);
    }
}
