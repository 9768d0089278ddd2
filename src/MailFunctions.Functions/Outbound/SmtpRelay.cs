using System.Net.Sockets;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Outbound.Tls;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace MailFunctions.Functions.Outbound;

/// <summary>Brings a job to other hosts.</summary>
internal interface IRelay
{
    /// <summary>One attempt; a result for every recipient of the job.</summary>
    /// <exception cref="StoreUnavailableException">The message could not be read: nothing was sent.</exception>
    Task<IReadOnlyList<RecipientResult>> AttemptAsync(OutboundJob job, CancellationToken cancellationToken);
}

/// <summary>By SMTP, with MailKit's client: one connection an attempt, and one transaction where the recipients fit into it.</summary>
internal sealed class SmtpRelay(
    RelayOptions options, RelayRoutes routes, IMessageStore store, MessageSigner signer, IStsPolicies policies, RelayConnector connector, ITlsResults tlsResults, TimeProvider time) : IRelay
{
    public async Task<IReadOnlyList<RecipientResult>> AttemptAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.AttemptTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await routes.FindAsync(job.Domain, limited.Token) switch
            {
                Destination.Hosts hosts => await TryHostsAsync(job, hosts.InOrder, cancellationToken, limited.Token),
                Destination.Nowhere nowhere => All(job, ResultKind.Failed, nowhere.Status, nowhere.Reason, null),
                Destination.Unknown unknown => All(job, ResultKind.Deferred, unknown.Status, unknown.Reason, null),
                _ => throw new InvalidOperationException("There is no such destination."),
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return All(job, ResultKind.Deferred, "4.4.1", "the time of an attempt was over before anything could be sent", null);
        }
    }

    private async Task<IReadOnlyList<RecipientResult>> TryHostsAsync(
        OutboundJob job, IReadOnlyList<Smarthost> hosts, CancellationToken asked, CancellationToken limited)
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

            RelayClient client;
            try
            {
                client = await connector.ConnectAsync(job, host, TlsDemand.Of(host, sts, job.MailFrom.RequireTls, tlsOptional), limited);
            }
            catch (Exception e) when (IsTrouble(e, asked))
            {
                last = Describe(host, e);
                lacking &= e is SslHandshakeException or NotSupportedException;
                continue; // RFC 5321 §5.1: the next host
            }

            using (client)
            {
                if (job.MailFrom.RequireTls && !client.Capabilities.HasFlag(SmtpCapabilities.RequireTLS))
                {
                    await DisconnectAsync(client, limited);
                    last = new Trouble("4.7.30", $"{host.Host} has no REQUIRETLS", null);
                    continue;
                }

                var results = await SendAsync(client, job, host, asked, limited);
                await DisconnectAsync(client, limited);
                return results;
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
        RelayClient client, OutboundJob job, Smarthost host, CancellationToken asked, CancellationToken limited)
    {
        var results = new List<RecipientResult>();
        foreach (var part in job.Recipients.Chunk(options.MaxRecipients))
        {
            if (!client.IsConnected)
            {
                results.AddRange(All(job with { Recipients = part }, ResultKind.Deferred, "4.4.2", $"the connection with {host} ended", null));
                continue;
            }

            try
            {
                results.AddRange(await SendPartAsync(client, job with { Recipients = part }, host, asked, limited));
            }
            catch (Exception e) when (results.Count > 0 && e is (StoreUnavailableException or OperationCanceledException))
            {
                // What was taken by then stays taken.
                results.AddRange(All(job with { Recipients = part }, ResultKind.Deferred, "4.3.0", SmtpReplyText.Line(e.Message), null));
            }
        }

        return results;
    }

    /// <summary>One transaction.</summary>
    private async Task<IReadOnlyList<RecipientResult>> SendPartAsync(
        RelayClient client, OutboundJob job, Smarthost host, CancellationToken asked, CancellationToken limited)
    {
        await using var stored = new StoredContent(store, job.Blob);
        if (await stored.OpenAsync(limited) is not { } blob)
        {
            return All(job, ResultKind.Failed, "5.3.0", "the message is not in the store any more", null);
        }

        // RFC 9228 §3: by this field a loop is seen when the message comes back.
        var field = job.DeliveredTo is { } through ? System.Text.Encoding.UTF8.GetBytes($"Delivered-To: {through}\r\n") : [];
        var whole = job with { Size = job.Size + field.Length };
        return await OutgoingContent.PrepareAsync(whole, signer, WithField(blob), AgainAsync, client.Capabilities, limited) switch
        {
            OutgoingContent.Unfit unfit => All(job, ResultKind.Failed, unfit.Status, unfit.Reason, host.Host),
            OutgoingContent.Unsigned unsigned => All(job, ResultKind.Deferred, "4.7.5", unsigned.Reason, null), // RFC 3463 §3.8: a key is not available
            // RFC 1870 §6.1: what the peer says it does not take is not tried.
            OutgoingContent.Ready ready when client.MaxSize > 0 && ready.Size > client.MaxSize =>
                All(job, ResultKind.Failed, "5.3.4", $"{host.Host} takes {client.MaxSize} octets at most, and the message has {ready.Size}", host.Host),
            OutgoingContent.Ready ready => await TransactAsync(client, job, host, ready, asked, limited),
            _ => throw new InvalidOperationException("There is no such content."),
        };

        Stream WithField(Stream content) => field.Length == 0 ? content : new JoinedStream(field, content);

        async Task<Stream> AgainAsync(CancellationToken cancellationToken) => WithField(await stored.OpenAgainAsync(cancellationToken));
    }

    private async Task<IReadOnlyList<RecipientResult>> TransactAsync(
        RelayClient client, OutboundJob job, Smarthost host, OutgoingContent.Ready content, CancellationToken asked, CancellationToken limited)
    {
        client.ContentOctets = content.Size;
        client.RequireTLS = job.MailFrom.RequireTls;
        client.DeliveryStatusNotificationType = job.MailFrom.Ret switch
        {
            "FULL" => DeliveryStatusNotificationType.Full,
            "HDRS" => DeliveryStatusNotificationType.HeadersOnly,
            _ => DeliveryStatusNotificationType.Unspecified,
        };
        var format = FormatOptions.Default.Clone();
        format.International = content.International;
        TransactionEnd end;
        try
        {
            // The name is the key by which replies find their recipient: it is sent nowhere.
            var text = await client.SendAsync(
                format,
                content.Message,
                new MailboxAddress("", job.MailFrom.Address),
                job.Recipients.Select(r => new MailboxAddress(r.Address, r.Address)),
                limited);
            end = new TransactionEnd(ResultKind.Relayed, SmtpReplyText.Status(SmtpStatusCode.Ok, text), SmtpReplyText.Line(SmtpStatusCode.Ok, text));
        }
        catch (SmtpCommandException e)
        {
            end = Refused(e);
            if (e.ErrorCode == SmtpErrorCode.SenderNotAccepted)
            {
                client.Replies.Clear(); // RCPT behind a MAIL that was refused: answers without a meaning
            }
        }
        catch (Exception e) when (IsTrouble(e, asked))
        {
            end = new TransactionEnd(ResultKind.Deferred, "4.4.2", Describe(host, e).Reply);
        }

        return [.. job.Recipients.Select(r => Result(client, r, end, host))];
    }

    private RecipientResult Result(RelayClient client, OutboundRecipient recipient, TransactionEnd end, Smarthost host)
    {
        var now = time.GetUtcNow();
        if (client.Replies.TryGetValue(recipient.Address, out var reply) && (int)reply.StatusCode >= 300)
        {
            var line = SmtpReplyText.Line(reply.StatusCode, reply.Response);
            return new RecipientResult(
                recipient with { LastReply = line },
                SmtpReplyText.IsPermanent(reply.StatusCode) ? ResultKind.Failed : ResultKind.Deferred,
                SmtpReplyText.Status(reply.StatusCode, reply.Response),
                line,
                host.Host,
                now);
        }

        return new RecipientResult(recipient with { LastReply = end.Reply }, end.Kind, end.Status, end.Reply, host.Host, now, client.PassesNotifyOn);
    }

    private static TransactionEnd Refused(SmtpCommandException e) => new(
        SmtpReplyText.IsPermanent(e.StatusCode) ? ResultKind.Failed : ResultKind.Deferred,
        SmtpReplyText.Status(e.StatusCode, e.Message),
        SmtpReplyText.Line(e.StatusCode, e.Message));

    private static async Task DisconnectAsync(RelayClient client, CancellationToken cancellationToken)
    {
        try
        {
            if (client.IsConnected)
            {
                await client.DisconnectAsync(quit: true, cancellationToken);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ProtocolException or SocketException)
        {
            // It has answered already.
        }
    }

    /// <summary>Trouble with the way or the peer, no matter which kind; the caller's own end is none.</summary>
    private static bool IsTrouble(Exception e, CancellationToken asked) => e switch
    {
        StoreUnavailableException => false,
        OperationCanceledException => !asked.IsCancellationRequested,
        SocketException or IOException or ProtocolException or CommandException or AuthenticationException or SslHandshakeException
            or ServiceNotAuthenticatedException or NotSupportedException or TimeoutException => true,
        _ => false,
    };

    private static Trouble Describe(Smarthost host, Exception e) => e switch
    {
        // Even a refusal for good is one of this host, and of now (RFC 5321 §3.1).
        SmtpCommandException refused => new Trouble(
            SmtpReplyText.IsPermanent(refused.StatusCode) ? "4.4.1" : SmtpReplyText.Status(refused.StatusCode, refused.Message),
            SmtpReplyText.Line(refused.StatusCode, refused.Message),
            host.Host),
        SslHandshakeException => new Trouble("4.7.5", $"TLS with {host} could not be agreed on, or its certificate is not good", null),
        NotSupportedException => new Trouble("4.7.5", $"{host} lacks what is asked for: {SmtpReplyText.Line(e.Message)}", null),
        _ => new Trouble("4.4.1", SmtpReplyText.Line(e switch
        {
            OperationCanceledException or TimeoutException => $"{host} did not answer in time",
            AuthenticationException or ServiceNotAuthenticatedException => $"{host} does not take our credentials, or wants some",
            SocketException socket => $"{host} can't be reached ({socket.SocketErrorCode})",
            _ => $"the connection with {host} broke",
        }), null),
    };

    private List<RecipientResult> All(OutboundJob job, string kind, string status, string reply, string? remote)
    {
        var now = time.GetUtcNow();
        return [.. job.Recipients.Select(r => new RecipientResult(r with { LastReply = reply }, kind, status, reply, remote, now))];
    }

    /// <summary>Why nothing could be sent to a host.</summary>
    private sealed record Trouble(string Status, string Reply, string? RemoteHost);

    /// <summary>What MAIL, DATA or the final dot was answered with.</summary>
    private sealed record TransactionEnd(string Kind, string Status, string Reply);
}
