using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Outbound.Smtp;
using MailFunctions.Functions.Outbound.Tls;

namespace MailFunctions.Functions.Outbound;

/// <summary>Brings a job to other hosts.</summary>
internal interface IRelay
{
    /// <summary>One attempt; a result for every recipient of the job. It throws at the caller's own end only.</summary>
    Task<IReadOnlyList<RecipientResult>> AttemptAsync(OutboundJob job, CancellationToken cancellationToken);
}

/// <summary>By SMTP: one connection an attempt, and one transaction where the recipients fit into it.</summary>
internal sealed class SmtpRelay(
    RelayOptions options, RelayRoutes routes, IMessageStore store, MessageSigner signer, IStsPolicies policies, RelayConnector connector, ITlsResults tlsResults, TimeProvider time) : IRelay
{
    /// <summary>RFC 3463 §3.6: X.5.3.</summary>
    private const string TooManyRecipients = "4.5.3";

    public async Task<IReadOnlyList<RecipientResult>> AttemptAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.AttemptTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await routes.FindAsync(job.Domain, limited.Token) switch
            {
                Destination.Hosts hosts => await TryHostsAsync(job, hosts.InOrder, limited.Token),
                Destination.Nowhere nowhere => All(job, ResultKind.Failed, nowhere.Status, nowhere.Reason, null),
                Destination.Unknown unknown => All(job, ResultKind.Deferred, unknown.Status, unknown.Reason, null),
                _ => throw new InvalidOperationException("There is no such destination."),
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return All(job, ResultKind.Deferred, "4.4.1", "the time of an attempt was over before anything could be sent", null);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever it is, it is counted, and has an end with the job's time.
            var reason = e is StoreUnavailableException ? e.Message : $"the attempt failed ({e.GetType().Name})";
            return All(job, ResultKind.Deferred, "4.3.0", reason, null);
        }
    }

    private async Task<IReadOnlyList<RecipientResult>> TryHostsAsync(
        OutboundJob job, IReadOnlyList<Smarthost> hosts, CancellationToken limited)
    {
        var sts = hosts.Any(h => h is { IsExchange: true, Dane: null }) ? await policies.FindAsync(job.Domain, limited) : null;
        var tlsOptional = !job.MailFrom.RequireTls && (sts?.Mode == StsPolicy.Enforce || hosts.Any(h => h.Dane is not null || h.IsDaneUnknown))
            && await TlsRequiredField.IsNoAsync(store, job.Blob, limited);
        var last = new Trouble("4.4.1", "no host could be tried", null);
        var lacking = true;
        foreach (var host in hosts.Take(options.MaxHosts))
        {
            if (Forbidden(job, host, sts, tlsOptional) is { } forbidden)
            {
                (last, lacking) = (forbidden, false);
                continue;
            }

            var demand = TlsDemand.Of(host, sts, job.MailFrom.RequireTls, tlsOptional);
            switch (await connector.ConnectAsync(job, host, demand, limited))
            {
                case Connecting.Failed failed:
                    (last, lacking) = (failed.Trouble, lacking && failed.IsTls);
                    continue; // RFC 5321 §5.1: the next host
                case Connecting.Open { Client: var client }:
                    using (client)
                    {
                        if (job.MailFrom.RequireTls && !client.Extensions.RequireTls)
                        {
                            await client.QuitAsync(limited);
                            last = new Trouble("4.7.30", $"{host.Host} has no REQUIRETLS", null);
                            continue;
                        }

                        var results = await SendAsync(client, job, host, demand, limited);
                        await client.QuitAsync(limited);
                        return results;
                    }
            }
        }

        // RFC 8689 §4.2.1: every host could be reached, and none does what the sender asks for.
        return job.MailFrom.RequireTls && lacking && hosts.Count > 0
            ? All(job, ResultKind.Failed, "5.7.30", $"REQUIRETLS, which the sender asks for, can't be had: {last.Reply}", null)
            : All(job, ResultKind.Deferred, last.Status, last.Reply, last.RemoteHost);
    }

    /// <summary>Why a host is not even connected to; null: nothing is against it.</summary>
    private Trouble? Forbidden(OutboundJob job, Smarthost host, StsPolicy? sts, bool tlsOptional)
    {
        if (host.IsDaneUnknown && !tlsOptional)
        {
            tlsResults.Count(job.Domain, TlsPolicyType.Tlsa, TlsResultType.DnssecInvalid);
            return new Trouble("4.7.5", $"DNS can't say whether {host.Host} has TLSA records", null);
        }

        if (!host.IsExchange || host.Dane is not null || sts is null || sts.Mode == StsPolicy.None || sts.Names(host.Host))
        {
            return null;
        }

        // RFC 8461 §5: an exchange that the policy does not name.
        tlsResults.Count(job.Domain, TlsPolicyType.Sts, TlsResultType.Failed);
        return sts.Mode == StsPolicy.Enforce && !tlsOptional ? new Trouble("4.7.5", $"{host.Host} is not named by the MTA-STS policy of {job.Domain}", null) : null;
    }

    private async Task<IReadOnlyList<RecipientResult>> SendAsync(
        RelayClient client, OutboundJob job, Smarthost host, TlsDemand demand, CancellationToken limited)
    {
        var results = new List<RecipientResult>();
        // RFC 6531 §3.2: what an internationalized address needs, or fails by, is not asked of the others.
        var parts = new Queue<OutboundRecipient[]>(
            job.Recipients.GroupBy(r => WirePath.IsInternational(r.Address)).SelectMany(g => g.Chunk(options.MaxRecipients)));
        while (parts.TryDequeue(out var part))
        {
            var partial = job with { Recipients = part };
            try
            {
                var some = client.IsOpen
                    ? await SendPartAsync(client, partial, host, demand, limited)
                    : All(partial, ResultKind.Deferred, "4.4.2", $"the connection with {host} ended", null);
                // RFC 5321 §4.5.3.1.10: those that were too many go next, as long as each transaction takes some.
                var rest = some.Where(r => r is { Kind: ResultKind.Deferred, Status: TooManyRecipients, RemoteHost: not null }).ToList();
                if (rest.Count > 0 && client.IsOpen && some.Any(r => r.Kind == ResultKind.Relayed))
                {
                    parts.Enqueue([.. rest.Select(r => r.Recipient)]);
                    some = [.. some.Except(rest)];
                }

                results.AddRange(some);
            }
            catch (Exception e)
            {
                // What was taken by then stays taken.
                var trouble = Trouble.Of(host, e);
                results.AddRange(All(partial, ResultKind.Deferred, trouble.Status, trouble.Reply, null));
            }
        }

        return results;
    }

    /// <summary>One transaction.</summary>
    private async Task<IReadOnlyList<RecipientResult>> SendPartAsync(
        RelayClient client, OutboundJob job, Smarthost host, TlsDemand demand, CancellationToken limited)
    {
        // RFC 9228 §3: by this field a loop is seen when the message comes back.
        var field = job.DeliveredTo is { } through ? System.Text.Encoding.UTF8.GetBytes($"Delivered-To: {through}\r\n") : [];
        await using var stored = new StoredContent(store, job.Blob, field);
        if (await stored.LookAsync(limited) is not { } traits)
        {
            return All(job, ResultKind.Failed, "5.3.0", "the message is not in the store any more", null);
        }

        var whole = job with { Size = job.Size + field.Length };
        return await OutgoingContent.PrepareAsync(whole, signer, traits, stored.OpenAsync, client.Extensions, limited) switch
        {
            OutgoingContent.Unfit unfit => All(job, ResultKind.Failed, unfit.Status, unfit.Reason, host.Host),
            OutgoingContent.Unsigned unsigned => All(job, ResultKind.Deferred, "4.7.5", unsigned.Reason, null), // RFC 3463 §3.8: a key is not available
            // RFC 1870 §6.1: what the peer says it does not take is not tried.
            OutgoingContent.Ready ready when client.Extensions.MaxSize is > 0 and var most && ready.Size > most =>
                All(job, ResultKind.Failed, "5.3.4", $"{host.Host} takes {most} octets at most, and the message has {ready.Size}", host.Host),
            OutgoingContent.Ready ready => await TransactAsync(client, job, host, demand, ready, limited),
            _ => throw new InvalidOperationException("There is no such content."),
        };
    }

    private async Task<IReadOnlyList<RecipientResult>> TransactAsync(
        RelayClient client, OutboundJob job, Smarthost host, TlsDemand demand, OutgoingContent.Ready content, CancellationToken limited)
    {
        var transaction = new SmtpTransaction(client, job.MailFrom, job.Recipients, content);
        Trouble? broken = null;
        try
        {
            await transaction.RunAsync(limited);
        }
        catch (Exception e)
        {
            broken = Trouble.Of(host, e) is { Status: "4.4.1" } trouble ? trouble with { Status = "4.4.2" } : Trouble.Of(host, e);
        }

        if (transaction.WantsTls && client.IsOpen)
        {
            if (await connector.SecureAsync(client, host, demand, limited))
            {
                return await SendPartAsync(client, job, host, demand, limited); // its extensions may be others now
            }

            client.Abandon();
            return All(job, ResultKind.Deferred, "4.7.5", $"{host} takes mail under TLS only, and TLS could not be agreed on", null);
        }

        var end = EndOf(transaction, host, broken);
        return [.. job.Recipients.Select((r, i) => Result(r, i))];

        RecipientResult Result(OutboundRecipient recipient, int index)
        {
            var (kind, status, reply) = transaction.Recipients[index] switch
            {
                { IsTooManyRecipients: true } own => new TransactionEnd(ResultKind.Deferred, TooManyRecipients, own.Line),
                { IsPositive: false } own => Said(own),
                null when transaction.End is not null => // taken or refused was the content of the others
                    new TransactionEnd(ResultKind.Deferred, "4.4.2", $"{host} went before it was asked about this recipient"),
                _ => end,
            };
            var notifies = client.Extensions.Dsn && kind == ResultKind.Relayed;
            return new RecipientResult(recipient with { LastReply = reply }, kind, status, reply, host.Host, time.GetUtcNow(), notifies);
        }
    }

    /// <summary>What holds for each recipient that the peer took.</summary>
    private static TransactionEnd EndOf(SmtpTransaction transaction, Smarthost host, Trouble? broken) => transaction switch
    {
        // RFC 4954 §6: our login is what it does not like; without one, what it says is meant for good.
        { Sender: { Code: 530 } sender } when host.UserName is not null =>
            Said(sender) with { Kind = ResultKind.Deferred, Status = "4.7.0" },
        { Sender: { IsPositive: false } sender } => Said(sender),
        { End: { } end } => Said(end),
        _ => new TransactionEnd(ResultKind.Deferred, broken?.Status ?? "4.4.2", broken?.Reply ?? $"the connection with {host} ended"),
    };

    private static TransactionEnd Said(PeerReply reply) => reply switch
    {
        { IsPositive: true } => new TransactionEnd(ResultKind.Relayed, reply.Status, reply.Line),
        // RFC 3207 §4: TLS was tried and did not come about, which may be another time.
        { AsksForTls: true } => new TransactionEnd(ResultKind.Deferred, "4.7.0", reply.Line),
        _ => new TransactionEnd(reply.IsPermanent ? ResultKind.Failed : ResultKind.Deferred, reply.Status, reply.Line),
    };

    private List<RecipientResult> All(OutboundJob job, string kind, string status, string reply, string? remote)
    {
        var now = time.GetUtcNow();
        reply = SmtpReplyText.Line(reply);
        return [.. job.Recipients.Select(r => new RecipientResult(r with { LastReply = reply }, kind, status, reply, remote, now))];
    }

    /// <summary>What MAIL, DATA or the final dot was answered with.</summary>
    private sealed record TransactionEnd(string Kind, string Status, string Reply);
}
