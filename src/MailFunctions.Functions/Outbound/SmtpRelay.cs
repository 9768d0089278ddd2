using System.Net.Sockets;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dkim;
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

/// <summary>By SMTP, with MailKit's client: one connection and one transaction an attempt.</summary>
internal sealed class SmtpRelay(RelayOptions options, RelayRoutes routes, IMessageStore store, MessageSigner signer, TimeProvider time) : IRelay
{
    public async Task<IReadOnlyList<RecipientResult>> AttemptAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.AttemptTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        switch (await routes.FindAsync(job.Domain, limited.Token))
        {
            case Destination.Hosts hosts:
                return await TryHostsAsync(job, hosts.InOrder, cancellationToken, limited.Token);
            case Destination.Nowhere nowhere:
                return All(job, ResultKind.Failed, nowhere.Status, nowhere.Reason, null);
            case Destination.Unknown unknown:
                return All(job, ResultKind.Deferred, unknown.Status, unknown.Reason, null);
            default:
                throw new InvalidOperationException("There is no such destination.");
        }
    }

    private async Task<IReadOnlyList<RecipientResult>> TryHostsAsync(
        OutboundJob job, IReadOnlyList<Smarthost> hosts, CancellationToken asked, CancellationToken limited)
    {
        var last = "no host could be tried";
        foreach (var host in hosts.Take(options.MaxHosts))
        {
            using var client = new RelayClient(job);
            try
            {
                await ConnectAsync(client, host, limited);
            }
            catch (Exception e) when (IsTrouble(e, asked))
            {
                last = Describe(host, e);
                continue; // RFC 5321 §5.1: the next host
            }

            return await SendAsync(client, job, host, asked, limited);
        }

        return All(job, ResultKind.Deferred, "4.4.1", last, null);
    }

    private async Task ConnectAsync(RelayClient client, Smarthost host, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.ConnectTimeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        client.LocalDomain = options.HostName;
        client.CheckCertificateRevocation = false;
        if (host.Tls == RelayTls.Opportunistic)
        {
            // RFC 7435 §3: protection against who only listens, where nothing better is known.
#pragma warning disable CA5359 // opportunistic: the alternative is plaintext
            client.ServerCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        }

        var tls = host.Tls switch
        {
            RelayTls.Implicit => SecureSocketOptions.SslOnConnect,
            RelayTls.StartTls => SecureSocketOptions.StartTls,
            RelayTls.Opportunistic => SecureSocketOptions.StartTlsWhenAvailable,
            _ => SecureSocketOptions.None,
        };
        if (host.Address is { } address)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(address, host.Port, limited.Token);
                await client.ConnectAsync(socket, host.Host, host.Port, tls, limited.Token);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        else
        {
            await client.ConnectAsync(host.Host, host.Port, tls, limited.Token);
        }

        if (host.UserName is { } user)
        {
            await client.AuthenticateAsync(user, host.Password!, limited.Token);
        }
    }

    private async Task<IReadOnlyList<RecipientResult>> SendAsync(
        RelayClient client, OutboundJob job, Smarthost host, CancellationToken asked, CancellationToken limited)
    {
        if (job.MailFrom.RequireTls && !(client.IsSecure && client.Capabilities.HasFlag(SmtpCapabilities.RequireTLS)))
        {
            // RFC 8689 §4.2.1
            return All(job, ResultKind.Failed, "5.7.30", $"{host.Host} has no REQUIRETLS, which the sender asks for", host.Host);
        }

        await using var stored = new StoredContent(store, job.Blob);
        if (await stored.OpenAsync(limited) is not { } blob)
        {
            return All(job, ResultKind.Failed, "5.3.0", "the message is not in the store any more", null);
        }

        switch (await OutgoingContent.PrepareAsync(job, signer, blob, stored.OpenAgainAsync, client.Capabilities, limited))
        {
            case OutgoingContent.Unfit unfit:
                return All(job, ResultKind.Failed, unfit.Status, unfit.Reason, host.Host);
            case OutgoingContent.Unsigned unsigned:
                return All(job, ResultKind.Deferred, "4.7.5", unsigned.Reason, null); // RFC 3463 §3.8: a key is not available
            case OutgoingContent.Ready ready:
                return await TransactAsync(client, job, host, ready, asked, limited);
            default:
                throw new InvalidOperationException("There is no such content.");
        }
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
            end = new TransactionEnd(ResultKind.Deferred, "4.4.2", Describe(host, e));
        }

        var results = job.Recipients.Select(r => Result(client, r, end, host)).ToList();
        await DisconnectAsync(client, limited);
        return results;
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

    private static string Describe(Smarthost host, Exception e) => SmtpReplyText.Line(e switch
    {
        SmtpCommandException refused => $"{host} said {(int)refused.StatusCode} {refused.Message}",
        OperationCanceledException or TimeoutException => $"{host} did not answer in time",
        SslHandshakeException => $"TLS with {host} could not be agreed on, or its certificate is not good",
        AuthenticationException or ServiceNotAuthenticatedException => $"{host} does not take our credentials, or wants some",
        NotSupportedException => $"{host} lacks what is asked for: {e.Message}",
        SocketException socket => $"{host} can't be reached ({socket.SocketErrorCode})",
        _ => $"the connection with {host} broke",
    });

    private List<RecipientResult> All(OutboundJob job, string kind, string status, string reply, string? remote)
    {
        var now = time.GetUtcNow();
        return [.. job.Recipients.Select(r => new RecipientResult(r with { LastReply = reply }, kind, status, reply, remote, now))];
    }

    /// <summary>What MAIL, DATA or the final dot was answered with.</summary>
    private sealed record TransactionEnd(string Kind, string Status, string Reply);
}
