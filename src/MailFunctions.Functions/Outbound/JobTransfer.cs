using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Smtp;

namespace MailFunctions.Functions.Outbound;

/// <summary>Sends a job through an open session: one transaction where its recipients fit into it, else several.</summary>
internal sealed class JobTransfer(ContentPreparer contents, RelayConnector connector, RelayOptions options, TimeProvider time)
{
    /// <summary>RFC 3463 §3.6: X.5.3.</summary>
    private const string TooManyRecipients = "4.5.3";

    /// <summary>A result for every recipient of the job.</summary>
    public async Task<IReadOnlyList<RecipientResult>> SendAsync(RelaySession session, OutboundJob job, CancellationToken cancellationToken)
    {
        var (client, host) = (session.Client, session.Host);
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
                    ? await SendPartAsync(session, partial, cancellationToken)
                    : Verdict.Deferred("4.4.2", $"the connection with {host} ended").ForAll(partial, time.GetUtcNow());
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
                // The recipients accepted by then stay accepted.
                var failure = HostFailure.Of(host, e);
                results.AddRange(Verdict.Deferred(failure.Status, failure.Reply).ForAll(partial, time.GetUtcNow()));
            }
        }

        return results;
    }

    /// <summary>One transaction.</summary>
    private async Task<IReadOnlyList<RecipientResult>> SendPartAsync(
        RelaySession session, OutboundJob job, CancellationToken cancellationToken)
    {
        var (client, host) = (session.Client, session.Host);
        await using var outgoing = await contents.PrepareAsync(job, client.Extensions, cancellationToken);
        var refusal = outgoing switch
        {
            OutgoingContent.Missing => Verdict.Failed("5.3.0", "the message is not in the store any more"),
            OutgoingContent.Unfit unfit => Verdict.Failed(unfit.Status, unfit.Reason, host.Host),
            OutgoingContent.Unsigned unsigned => Verdict.Deferred("4.7.5", unsigned.Reason), // RFC 3463 §3.8: a key is not available
            // RFC 1870 §6.1: a message over the peer's limit is not sent.
            OutgoingContent.Ready { Content.Size: var size } when client.Extensions.MaxSize is > 0 and var most && size > most =>
                Verdict.Failed("5.3.4", $"{host.Host} takes {most} octets at most, and the message has {size}", host.Host),
            _ => null,
        };
        if (refusal is not null || outgoing is not OutgoingContent.Ready { Content: var content })
        {
            return refusal!.ForAll(job, time.GetUtcNow());
        }

        var transaction = new SmtpTransaction(client, job.MailFrom, job.Recipients, content);
        var broken = await RunAsync(transaction, host, cancellationToken);
        if (!transaction.WantsTls || !client.IsOpen)
        {
            return Results(session, job, transaction, broken);
        }

        // RFC 3207 §4: the peer takes mail under TLS only.
        if (await connector.SecureAsync(session, cancellationToken))
        {
            return await SendPartAsync(session, job, cancellationToken); // its extensions may have changed
        }

        client.Abandon();
        return Verdict.Deferred("4.7.5", $"{host} takes mail under TLS only, and TLS could not be agreed on").ForAll(job, time.GetUtcNow());
    }

    /// <summary>Null, or why the transaction broke; the replies received by then are in it.</summary>
    private static async Task<HostFailure?> RunAsync(SmtpTransaction transaction, RelayHost host, CancellationToken cancellationToken)
    {
        try
        {
            await transaction.RunAsync(cancellationToken);
            return null;
        }
        catch (Exception e)
        {
            return HostFailure.Of(host, e) is { Status: "4.4.1" } failure ? failure with { Status = "4.4.2" } : HostFailure.Of(host, e);
        }
    }

    private IReadOnlyList<RecipientResult> Results(
        RelaySession session, OutboundJob job, SmtpTransaction transaction, HostFailure? broken)
    {
        var host = session.Host;
        var end = EndOf(transaction, host, broken);
        return [.. job.Recipients.Select((r, i) => Result(r, i))];

        RecipientResult Result(OutboundRecipient recipient, int index)
        {
            var (kind, status, reply, _) = transaction.Recipients[index] switch
            {
                { IsTooManyRecipients: true } own => Verdict.Deferred(TooManyRecipients, own.Line),
                { IsPositive: false } own => Of(own),
                null when transaction.End is not null => // the content was accepted or refused for the others
                    Verdict.Deferred("4.4.2", $"{host} ended the transaction before it replied for this recipient"),
                _ => end,
            };
            var notifies = session.Client.Extensions.Dsn && kind == ResultKind.Relayed;
            return new RecipientResult(recipient with { LastReply = reply }, kind, status, reply, host.Host, time.GetUtcNow(), notifies);
        }
    }

    /// <summary>What holds for each recipient that the peer accepted.</summary>
    private static Verdict EndOf(SmtpTransaction transaction, RelayHost host, HostFailure? broken) => transaction switch
    {
        // RFC 4954 §6: it refuses our login; without a login the refusal is permanent.
        { Sender: { Code: 530 } sender } when host.UserName is not null =>
            Of(sender) with { Kind = ResultKind.Deferred, Status = "4.7.0" },
        { Sender: { IsPositive: false } sender } => Of(sender),
        { End: { } end } => Of(end),
        _ => Verdict.Deferred(broken?.Status ?? "4.4.2", broken?.Reply ?? $"the connection with {host} ended"),
    };

    private static Verdict Of(PeerReply reply) => reply switch
    {
        { IsPositive: true } => new Verdict(ResultKind.Relayed, reply.Status, reply.Line),
        // RFC 3207 §4: TLS was tried and failed; a later attempt may succeed.
        { AsksForTls: true } => Verdict.Deferred("4.7.0", reply.Line),
        { IsPermanent: true } => Verdict.Failed(reply.Status, reply.Line),
        _ => Verdict.Deferred(reply.Status, reply.Line),
    };
}
