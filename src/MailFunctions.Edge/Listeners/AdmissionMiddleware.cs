using System.Net;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Connections;
using Microsoft.AspNetCore.Connections;

namespace MailFunctions.Edge.Listeners;

/// <summary>
/// Takes a place for each connection before its TLS handshake, and gives it back when it is closed. One that finds no place still
/// reaches its handler, which refuses it with a reply; of those only a few at once, the others are cut off.
/// </summary>
internal sealed class AdmissionMiddleware(ConnectionLimits limits, TimeProvider time)
{
    public async Task OnConnectionAsync(ConnectionContext context, ConnectionDelegate next)
    {
        var client = (context.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
        var admission = limits.TryEnter(client);
        if (admission == ConnectionAdmission.Admitted)
        {
            try
            {
                await RunAsync(context, next);
            }
            finally
            {
                limits.Leave(client);
            }
        }
        else if (limits.TryEnterRefusal())
        {
            context.Features.Set(new RefusedConnection(admission));
            try
            {
                await RunAsync(context, next);
            }
            finally
            {
                limits.LeaveRefusal();
            }
        }
    }

    private async Task RunAsync(ConnectionContext context, ConnectionDelegate next)
    {
        var closing = new ConnectionClosing(context, time);
        context.Features.Set(closing);
        try
        {
            await next(context);
        }
        finally
        {
            await closing.CloseAsync();
        }
    }
}

/// <summary>A connection's feature: it found no place.</summary>
internal sealed record RefusedConnection(ConnectionAdmission Why);
