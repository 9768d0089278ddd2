using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Outbound.Tls;

namespace MailFunctions.Functions.Outbound;

/// <summary>Delivers a job to other hosts.</summary>
internal interface IRelay
{
    /// <summary>One attempt; a result for every recipient of the job. It throws only when the caller's token is cancelled.</summary>
    Task<IReadOnlyList<RecipientResult>> AttemptAsync(OutboundJob job, CancellationToken cancellationToken);
}

/// <summary>By SMTP: finds the hosts, connects to the first that answers with the TLS required, and sends.</summary>
internal sealed class SmtpRelay(
    RelayOptions options,
    RelayRoutes routes,
    JobTlsRules tlsRules,
    RelayConnector connector,
    JobTransfer transfer,
    TimeProvider time) : IRelay
{
    public async Task<IReadOnlyList<RecipientResult>> AttemptAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.AttemptTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await routes.FindAsync(job.Domain, limited.Token) switch
            {
                Destination.Hosts hosts => await TryHostsAsync(job, hosts.InOrder, limited.Token),
                Destination.Nowhere nowhere => All(job, Verdict.Failed(nowhere.Status, nowhere.Reason)),
                Destination.Unknown unknown => All(job, Verdict.Deferred(unknown.Status, unknown.Reason)),
                _ => throw new InvalidOperationException("There is no such destination."),
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return All(job, Verdict.Deferred("4.4.1", "the time of an attempt was over before anything could be sent"));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Any other fault is a deferral: the attempt is counted, and the job ends with its time.
            var reason = e is StoreUnavailableException ? e.Message : $"the attempt failed ({e.GetType().Name})";
            return All(job, Verdict.Deferred("4.3.0", reason));
        }
    }

    private async Task<IReadOnlyList<RecipientResult>> TryHostsAsync(
        OutboundJob job, IReadOnlyList<RelayHost> hosts, CancellationToken cancellationToken)
    {
        var tls = await tlsRules.FindAsync(job, hosts, cancellationToken);
        var last = new HostFailure("4.4.1", "no host could be tried", null);
        var lacking = true;
        foreach (var host in hosts.Take(options.MaxHosts))
        {
            if (tlsRules.Exclusion(tls, host) is { } exclusion)
            {
                (last, lacking) = (exclusion, false);
                continue;
            }

            switch (await connector.ConnectAsync(job.Domain, host, tls.DemandOf(host), cancellationToken))
            {
                case ConnectResult.Failed failed:
                    (last, lacking) = (failed.Failure, lacking && failed.IsTls);
                    continue; // RFC 5321 §5.1: the next host
                case ConnectResult.Connected { Session: var session }:
                    using (session)
                    {
                        if (job.MailFrom.RequireTls && !session.Client.Extensions.RequireTls)
                        {
                            await session.Client.QuitAsync(cancellationToken);
                            last = new HostFailure("4.7.30", $"{host.Host} has no REQUIRETLS", null);
                            continue;
                        }

                        var results = await transfer.SendAsync(session, job, cancellationToken);
                        await session.Client.QuitAsync(cancellationToken);
                        return results;
                    }
            }
        }

        // RFC 8689 §4.2.1: every host could be reached, and none offers what the sender requires.
        return All(job, job.MailFrom.RequireTls && lacking && hosts.Count > 0
            ? Verdict.Failed("5.7.30", $"REQUIRETLS, which the sender asks for, can't be had: {last.Reply}")
            : Verdict.Deferred(last.Status, last.Reply, last.RemoteHost));
    }

    private IReadOnlyList<RecipientResult> All(OutboundJob job, Verdict verdict) => verdict.ForAll(job, time.GetUtcNow());
}
