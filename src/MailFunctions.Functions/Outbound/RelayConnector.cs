using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Smtp;
using MailFunctions.Functions.Outbound.Tls;

namespace MailFunctions.Functions.Outbound;

/// <summary>What connecting to a host came to.</summary>
internal abstract record Connecting
{
    /// <summary>A session that may be used.</summary>
    public sealed record Open(RelayClient Client) : Connecting;

    /// <summary>There is none.</summary>
    /// <param name="IsTls">TLS, which was asked for or tried, is what it failed at.</param>
    public sealed record Failed(Trouble Trouble, bool IsTls) : Connecting;
}

/// <summary>Brings a client to a host: connection, greeting, TLS as demanded, login; and counts what TLS came to.</summary>
internal sealed class RelayConnector(RelayOptions options, ITlsResults results, TimeProvider time)
{
    /// <summary>Whatever happens is a value, but for the end of the attempt.</summary>
    public async Task<Connecting> ConnectAsync(OutboundJob job, Smarthost host, TlsDemand demand, CancellationToken cancellationToken)
    {
        var first = await TryAsync(job, host, demand, withTls: true, cancellationToken);
        // RFC 7435 §3: where TLS is no must, a peer that can't do it is spoken to without.
        return first is Connecting.Failed { IsTls: true } && !demand.IsEnforced && host.Tls == RelayTls.Opportunistic
            ? await TryAsync(job, host, demand with { Policy = null }, withTls: false, cancellationToken)
            : first;
    }

    /// <summary>RFC 3207 §4: TLS in a session of its own accord without, because the peer takes nothing before.</summary>
    public async Task<bool> SecureAsync(RelayClient client, Smarthost host, TlsDemand demand, CancellationToken cancellationToken) =>
        (await client.StartTlsAsync(cancellationToken)).Code == 220
        && await client.SecureAsync(TlsOptions(host, demand, _ => { }), cancellationToken)
        && (await client.HelloAsync(options.HostName, cancellationToken)).IsPositive;

    private async Task<Connecting> TryAsync(
        OutboundJob job, Smarthost host, TlsDemand demand, bool withTls, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.ConnectTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        RelayClient? client = null;
        try
        {
            client = new RelayClient(await OpenAsync(host, limited.Token)) { IsTlsTried = !withTls };
            if (await PrepareAsync(client, job, host, demand, limited.Token) is { } failed)
            {
                await client.QuitAsync(limited.Token);
                client.Dispose();
                return failed;
            }

            return new Connecting.Open(client);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            client?.Dispose();
            // It hangs up, or is silent, at STARTTLS or the handshake; in TLS 1.3 it refuses ours behind what ends it for us.
            var atTls = withTls && client is { IsTlsTried: true, IsTlsAnswered: false };
            if (atTls)
            {
                Count(job, demand, client!.IsSecure ? TlsResultType.Failed : TlsResultType.NoStartTls);
            }

            // Where TLS is a must, a connection that broke does not say that the host can't do it: REQUIRETLS has a next time.
            return new Connecting.Failed(Trouble.Of(host, e), atTls && !demand.IsEnforced);
        }
        catch
        {
            client?.Dispose();
            throw;
        }
    }

    /// <summary>Null: the session may be used.</summary>
    private async Task<Connecting.Failed?> PrepareAsync(
        RelayClient client, OutboundJob job, Smarthost host, TlsDemand demand, CancellationToken cancellationToken)
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

                // RFC 3207 §4.2: what was said before is forgotten.
                if (await client.HelloAsync(options.HostName, cancellationToken) is { IsPositive: false } again)
                {
                    return Refused(host, again);
                }
            }
            else if (reply.IsClosing || demand.IsEnforced)
            {
                return NoTls(TlsResultType.NoStartTls); // RFC 3207 §4: 454 and its like; where TLS is no must, the session goes on
            }
        }

        if (!client.IsSecure && demand.IsEnforced)
        {
            Count(job, demand, TlsResultType.NoStartTls);
            return new Connecting.Failed(new Trouble("4.7.5", $"{host} does not offer TLS, which is asked for", null), IsTls: true);
        }

        Count(job, demand, client.IsSecure ? fault ?? TlsResultType.Success : TlsResultType.NoStartTls);
        return host.UserName is { } user ? await LoginAsync(client, host, user, cancellationToken) : null;

        Connecting.Failed NoTls(string result)
        {
            Count(job, demand, fault ?? result);
            return new Connecting.Failed(
                new Trouble("4.7.5", $"TLS with {host} could not be agreed on, or its certificate is not good", null), IsTls: true);
        }
    }

    private static async Task<Connecting.Failed?> LoginAsync(
        RelayClient client, Smarthost host, string user, CancellationToken cancellationToken) =>
        await client.LoginAsync(user, host.Password!, cancellationToken) switch
        {
            null => new Connecting.Failed(new Trouble("4.7.0", $"{host} offers no way to log in that we have", null), IsTls: false),
            { IsPositive: true } => null,
            // Its words are not passed on: some repeat what they were sent.
            var reply => new Connecting.Failed(
                new Trouble(reply.Code is >= 400 and < 500 ? reply.Status : "4.7.8", $"{host} does not take our credentials ({reply.Code})", host.Host),
                IsTls: false),
        };

    // Even a refusal for good is one of this host, and of now (RFC 5321 §3.1).
    private static Connecting.Failed Refused(Smarthost host, PeerReply reply) =>
        new(new Trouble(reply.Code is >= 400 and < 500 ? reply.Status : "4.4.1", reply.Line, host.Host), IsTls: false);

    private SslClientAuthenticationOptions TlsOptions(Smarthost host, TlsDemand demand, Action<string?> fault)
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
