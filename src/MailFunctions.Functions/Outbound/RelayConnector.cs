using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Smtp;
using MailFunctions.Functions.Outbound.Tls;

namespace MailFunctions.Functions.Outbound;

/// <summary>Opens a session with a host: connection, greeting, TLS as required, login; and counts the results of TLS.</summary>
internal sealed class RelayConnector(RelayOptions options, ITlsResults results, TimeProvider time)
{
    /// <summary>Every failure is a value; it throws only when the attempt's token is cancelled.</summary>
    public async Task<ConnectResult> ConnectAsync(string domain, RelayHost host, TlsDemand demand, CancellationToken cancellationToken)
    {
        var first = await TryAsync(domain, host, demand, withTls: true, cancellationToken);
        // RFC 7435 §3: where TLS is optional, the mail goes in plaintext to a peer that can't do it.
        return first is ConnectResult.Failed { IsTls: true } && !demand.IsEnforced && host.Tls == RelayTls.Opportunistic
            ? await TryAsync(domain, host, demand with { Policy = null }, withTls: false, cancellationToken)
            : first;
    }

    /// <summary>RFC 3207 §4: TLS in a plaintext session whose peer takes no mail without it.</summary>
    public async Task<bool> SecureAsync(RelaySession session, CancellationToken cancellationToken) =>
        (await session.Client.StartTlsAsync(cancellationToken)).Code == 220
        && await session.Client.SecureAsync(TlsOptions(session.Host, session.Demand, _ => { }), cancellationToken)
        && (await session.Client.HelloAsync(options.HostName, cancellationToken)).IsPositive;

    private async Task<ConnectResult> TryAsync(
        string domain, RelayHost host, TlsDemand demand, bool withTls, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.ConnectTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        RelayClient? client = null;
        try
        {
            client = new RelayClient(await OpenAsync(host, limited.Token)) { IsTlsTried = !withTls };
            if (await PrepareAsync(client, domain, host, demand, limited.Token) is { } failed)
            {
                await client.QuitAsync(limited.Token);
                client.Dispose();
                return failed;
            }

            return new ConnectResult.Connected(new RelaySession(client, host, demand));
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            client?.Dispose();
            // It closes, or is silent, at STARTTLS or in the handshake; in TLS 1.3 it may refuse after our side is complete.
            var atTls = withTls && client is { IsTlsTried: true, IsTlsAnswered: false };
            if (atTls)
            {
                Count(domain, demand, client!.IsSecure ? TlsResultType.Failed : TlsResultType.NoStartTls);
            }

            // Where TLS is required, a broken connection does not prove that the host lacks it: REQUIRETLS is tried again.
            return new ConnectResult.Failed(HostFailure.Of(host, e), atTls && !demand.IsEnforced);
        }
        catch
        {
            client?.Dispose();
            throw;
        }
    }

    /// <summary>Null: the session may be used.</summary>
    private async Task<ConnectResult.Failed?> PrepareAsync(
        RelayClient client, string domain, RelayHost host, TlsDemand demand, CancellationToken cancellationToken)
    {
        string? fault = null;
        var tls = TlsOptions(host, demand, f => fault = f);
        if (host.Tls == RelayTls.Implicit && !await client.SecureAsync(tls, cancellationToken))
        {
            return NoTls(TlsResultType.Failed);
        }

        if (await client.ReadReplyAsync(cancellationToken) is { Code: not 220 } greeting)
        {
            return Refused(host, greeting);
        }

        if (await client.HelloAsync(options.HostName, cancellationToken) is { IsPositive: false } hello)
        {
            return Refused(host, hello);
        }

        var isWanted = demand.IsEnforced || host.Tls == RelayTls.Opportunistic;
        if (isWanted && !client.IsSecure && !client.IsTlsTried && client.Extensions.StartTls)
        {
            var reply = await client.StartTlsAsync(cancellationToken);
            if (reply.Code == 220)
            {
                if (!await client.SecureAsync(tls, cancellationToken))
                {
                    return NoTls(TlsResultType.Failed);
                }

                // RFC 3207 §4.2: what EHLO gave before is discarded.
                if (await client.HelloAsync(options.HostName, cancellationToken) is { IsPositive: false } again)
                {
                    return Refused(host, again);
                }
            }
            else if (reply.IsClosing || demand.IsEnforced)
            {
                return NoTls(TlsResultType.NoStartTls); // RFC 3207 §4: 454 and the like; where TLS is optional, the session continues
            }
        }

        if (!client.IsSecure && demand.IsEnforced)
        {
            Count(domain, demand, TlsResultType.NoStartTls);
            return new ConnectResult.Failed(new HostFailure("4.7.5", $"{host} does not offer TLS, which is asked for", null), IsTls: true);
        }

        Count(domain, demand, client.IsSecure ? fault ?? TlsResultType.Success : TlsResultType.NoStartTls);
        return host.UserName is { } user ? await LoginAsync(client, host, user, cancellationToken) : null;

        ConnectResult.Failed NoTls(string result)
        {
            Count(domain, demand, fault ?? result);
            return new ConnectResult.Failed(
                new HostFailure("4.7.5", $"TLS with {host} could not be agreed on, or its certificate is not good", null), IsTls: true);
        }
    }

    private static async Task<ConnectResult.Failed?> LoginAsync(
        RelayClient client, RelayHost host, string user, CancellationToken cancellationToken) =>
        await client.LoginAsync(user, host.Password!, cancellationToken) switch
        {
            null => new ConnectResult.Failed(new HostFailure("4.7.0", $"{host} offers no way to log in that we have", null), IsTls: false),
            { IsPositive: true } => null,
            // Its text is not passed on: some repeat the credentials.
            var reply => new ConnectResult.Failed(
                new HostFailure(
                    reply.Code is >= 400 and < 500 ? reply.Status : "4.7.8",
                    $"{host} does not take our credentials ({reply.Code})",
                    host.Host),
                IsTls: false),
        };

    // Even a permanent refusal is this host's, at this time (RFC 5321 §3.1).
    private static ConnectResult.Failed Refused(RelayHost host, PeerReply reply) =>
        new(new HostFailure(reply.Code is >= 400 and < 500 ? reply.Status : "4.4.1", reply.Line, host.Host), IsTls: false);

    private SslClientAuthenticationOptions TlsOptions(RelayHost host, TlsDemand demand, Action<string?> fault)
    {
        var tls = new SslClientAuthenticationOptions
        {
            TargetHost = host.Address is { } address && host.Host.StartsWith('[') ? address.ToString() : host.Host,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                var found = demand.FaultOf(certificate, chain, errors, host, time.GetUtcNow());
                fault(found);
                return found is null || !demand.IsEnforced;
            },
        };
        if (options.Authorities is { } authorities)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        return tls;
    }

    private async Task<Stream> OpenAsync(RelayHost host, CancellationToken cancellationToken)
    {
        var socket = host.Address is { } address
            ? new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;
            EndPoint peer = host.Address is { } known ? new IPEndPoint(known, host.Port) : new DnsEndPoint(host.Host, host.Port);
            await socket.ConnectAsync(peer, cancellationToken);
            return new PeerStream(socket, options.CommandTimeout, time);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void Count(string domain, TlsDemand demand, string result)
    {
        if (demand.Policy is { } policy)
        {
            results.Count(domain, policy, result);
        }
    }
}
