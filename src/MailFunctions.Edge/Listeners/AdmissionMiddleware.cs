using System.Net;
using MailFunctions.Edge.Admission;
using Microsoft.AspNetCore.Connections;

namespace MailFunctions.Edge.Listeners;

/// <summary>
/// Takes a place for each connection before its TLS handshake, and gives it back at its end. One that finds no place still
/// goes on to its handler, which tells it so; of those only a few at once, the others are cut off.
/// </summary>
internal sealed class AdmissionMiddleware(ConnectionLimits limits)
{
    public async Task OnConnectionAsync(ConnectionContext context, ConnectionDelegate next)
    {
        var client = (context.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
        var admission = limits.TryEnter(client);
        if (admission == Admission.Admission.Admitted)
        {
            try
            {
                await next(context);
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
                await next(context);
            }
            finally
            {
                limits.LeaveRefusal();
            }
        }
    }
}

/// <summary>A connection's feature: it found no place.</summary>
internal sealed record RefusedConnection(Admission.Admission Why);
