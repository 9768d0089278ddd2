using System.Net;
using System.Net.Sockets;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Tls;
using MailKit.Security;

namespace MailFunctions.Functions.Outbound;

/// <summary>Brings a client to a host: connection, greeting, TLS as demanded, login; and counts what TLS came to.</summary>
internal sealed class RelayConnector(RelayOptions options, ITlsResults results, TimeProvider time)
{
    /// <exception cref="Exception">Of the many kinds that MailKit has: there is no session that may be used.</exception>
    public async Task<RelayClient> ConnectAsync(OutboundJob job, Smarthost host, TlsDemand demand, CancellationToken cancellationToken)
    {
        var tls = host.Tls switch
        {
            RelayTls.Implicit => SecureSocketOptions.SslOnConnect,
            _ when demand.IsEnforced => SecureSocketOptions.StartTls,
            RelayTls.Opportunistic => SecureSocketOptions.StartTlsWhenAvailable,
            _ => SecureSocketOptions.None,
        };
        try
        {
            return await ConnectAsync(job, host, demand, tls, cancellationToken);
        }
        catch (SslHandshakeException) when (!demand.IsEnforced && tls == SecureSocketOptions.StartTlsWhenAvailable)
        {
            // RFC 7435 §3: where TLS is no must, a peer that can't do it is spoken to without.
            return await ConnectAsync(job, host, demand with { Policy = null }, SecureSocketOptions.None, cancellationToken);
        }
    }

    private async Task<RelayClient> ConnectAsync(
        OutboundJob job, Smarthost host, TlsDemand demand, SecureSocketOptions tls, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.ConnectTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        string? fault = null;
        var client = new RelayClient(job, options.Authorities) { LocalDomain = options.HostName, CheckCertificateRevocation = false };
        client.ServerCertificateValidationCallback = (_, certificate, chain, errors) =>
        {
            fault = demand.FaultOf(certificate, chain, errors, host, time.GetUtcNow());
            return fault is null || !demand.IsEnforced;
        };
        try
        {
            await client.ConnectAsync(await OpenAsync(host, limited.Token), host.Host, host.Port, tls, limited.Token);
            Count(job, demand, client.IsSecure ? fault ?? TlsResultType.Success : TlsResultType.NoStartTls);
            if (host.UserName is { } user)
            {
                await client.AuthenticateAsync(user, host.Password!, limited.Token);
            }

            return client;
        }
        catch (Exception e)
        {
            if (e is SslHandshakeException or NotSupportedException)
            {
                Count(job, demand, e is NotSupportedException ? TlsResultType.NoStartTls : fault ?? TlsResultType.Failed);
            }

            client.Dispose();
            throw;
        }
    }

    private async Task<Stream> OpenAsync(Smarthost host, CancellationToken cancellationToken)
    {
        var socket = host.Address is { } address
            ? new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;
            await socket.ConnectAsync(host.Address is { } known ? new IPEndPoint(known, host.Port) : new DnsEndPoint(host.Host, host.Port), cancellationToken);
            return new PeerStream(socket, options.CommandTimeout, time);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void Count(OutboundJob job, TlsDemand demand, string result)
    {
        if (demand.Policy is { } policy)
        {
            results.Count(job.Domain, policy, result);
        }
    }
}
