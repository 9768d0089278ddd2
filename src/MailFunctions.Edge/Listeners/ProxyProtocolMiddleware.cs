using System.Net;
using MailFunctions.Edge.Configuration;
using MailFunctions.Protocols.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Listeners;

/// <summary>
/// Takes the PROXY header off connections from trusted networks, ahead of TLS and of everything that looks at the
/// client's address. A trusted peer without a good header is cut off; the header of any other peer is left for the
/// session, to which it is a wrong command.
/// </summary>
internal sealed partial class ProxyProtocolMiddleware(
    IOptions<EdgeOptions> options, TimeProvider time, ILogger<ProxyProtocolMiddleware> logger)
{
    /// <summary>The specification asks for 3 s at least, the time of a lost first packet.</summary>
    public static readonly TimeSpan HeaderTimeout = TimeSpan.FromSeconds(10);

    private readonly IPNetwork[] _trusted = [.. options.Value.TrustedProxies.Select(n => IPNetwork.Parse(n))];

    public async Task OnConnectionAsync(ConnectionContext context, ConnectionDelegate next)
    {
        if (context.RemoteEndPoint is IPEndPoint peer && IsTrusted(peer.Address))
        {
            if (await ReadAsync(context) is not { } header)
            {
                return; // Kestrel closes it
            }

            if (header.Source is not null)
            {
                (context.RemoteEndPoint, context.LocalEndPoint) = (header.Source, header.Destination);
            }
        }

        await next(context);
    }

    private bool IsTrusted(IPAddress peer)
    {
        var address = peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer;
        return _trusted.Any(n => n.Contains(address));
    }

    /// <summary>Null when there is none, or not in time.</summary>
    private async Task<ProxyHeader?> ReadAsync(ConnectionContext context)
    {
        using var limit = new CancellationTokenSource(HeaderTimeout, time);
        var input = context.Transport.Input;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(limit.Token);
                var status = ProxyHeader.TryRead(read.Buffer, out var header, out var next);
                if (status == ProxyHeaderStatus.Complete)
                {
                    input.AdvanceTo(next); // what stands behind was not examined
                    return header;
                }

                input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                if (status == ProxyHeaderStatus.Invalid)
                {
                    Log.NoHeader(logger, context.RemoteEndPoint, "no PROXY header, or a broken one");
                    return null;
                }

                if (read.IsCompleted)
                {
                    return null; // a probe that only looks whether the port is open
                }
            }
        }
        catch (OperationCanceledException)
        {
            Log.NoHeader(logger, context.RemoteEndPoint, "no PROXY header in time");
            return null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1250, LogLevel.Warning, "Connection from the proxy {Peer} closed: {Reason}", EventName = "ProxyHeaderMissing")]
        public static partial void NoHeader(ILogger logger, EndPoint? peer, string reason);
    }
}
