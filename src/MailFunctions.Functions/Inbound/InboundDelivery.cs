using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Outbound;

namespace MailFunctions.Functions.Inbound;

/// <summary>What became of a message's recipients: everything delivered or on its way when no fault is left.</summary>
internal sealed record DeliveryOutcome(int Delivered, int Relayed, IReadOnlyList<string> Faults);

/// <summary>
/// Brings one accepted message into the mailboxes of its recipients and makes jobs for those elsewhere (design §1, steps
/// 3 to 5). Doing it again changes nothing, so a message that comes twice, or after a crash half-way, ends the same.
/// </summary>
internal sealed class InboundDelivery(
    IMessageStore store, IDirectoryReader directory, IMailboxDelivery mailboxes, JobMaker jobs, ForwardedSender forwarded, ITraceWriter traces)
{
    private const int MaxParallelDeliveries = 8;

    private readonly RecipientResolver _resolver = new(directory, forwarded.Srs);

    /// <exception cref="StoreUnavailableException">To be tried again.</exception>
    public async Task<DeliveryOutcome> DeliverAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        var routing = RouteAsync(envelope, cancellationToken);
        await using var blob = await store.OpenReadAsync(envelope.Blob, 0, cancellationToken);
        if (blob is null)
        {
            await traces.WriteAsync(
                [Accepted(envelope), Fault(envelope, TraceKind.Unreadable, null, "the message is not in the store")], cancellationToken);
            await routing;
            return new DeliveryOutcome(0, 0, [$"The blob of message {envelope.Id} is gone."]);
        }

        var summary = await SummaryReader.ReadAsync(blob, cancellationToken);
        var (routes, remote, events) = await routing;
        await Parallel.ForEachAsync(
            routes,
            new ParallelOptions { MaxDegreeOfParallelism = MaxParallelDeliveries, CancellationToken = cancellationToken },
            async (route, token) => route.Result = await DeliverAsync(envelope, summary, route.Account, token));

        foreach (var sameSender in remote.GroupBy(r => r.MailFrom))
        {
            await jobs.CreateAsync(envelope, sameSender.Key, [.. sameSender.Select(r => (r.Address, r.Recipient))], cancellationToken);
        }

        foreach (var route in routes)
        {
            events.AddRange(route.Recipients.Select(r => Event(envelope, route, r)));
        }

        await traces.WriteAsync([Accepted(envelope) with { InternetMessageId = summary.MessageId }, .. events], cancellationToken);
        return new DeliveryOutcome(
            routes.Count(r => r.Result is not DeliveryResult.OverQuota),
            remote.Count,
            [.. events.Where(e => e.Kind is TraceKind.Bounced or TraceKind.Deferred).Select(e => $"{e.Addresses[0]}: {e.Detail}")]);
    }

    /// <summary>The mailboxes that the recipients lead to, each once; who is elsewhere; and what leads nowhere.</summary>
    private async Task<(List<Route> Routes, List<RemoteRecipient> Remote, List<TraceEvent> Events)> RouteAsync(
        InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        var routes = new Dictionary<string, Route>();
        var remote = new List<RemoteRecipient>();
        var events = new List<TraceEvent>();
        foreach (var recipient in envelope.Recipients)
        {
            var address = EmailAddress.Parse(recipient.Address)!; // checked when the envelope was read
            switch (await _resolver.ResolveAsync(address, cancellationToken))
            {
                case Resolution.Found found:
                    foreach (var account in found.Mailboxes)
                    {
                        if (!routes.TryGetValue(account.MailboxId, out var route))
                        {
                            routes.Add(account.MailboxId, route = new Route(account));
                        }

                        route.Recipients.Add(address);
                    }

                    events.AddRange(found.Failed.Select(f => Fault(envelope, TraceKind.Bounced, address, $"{f.Address}: {f.Reason}")));
                    remote.AddRange(found.Remote.Select(r => Remote(recipient, r, forwarded.Rewrite(envelope.MailFrom, address.Domain))));
                    break;
                case Resolution.Disabled:
                    events.Add(Fault(envelope, TraceKind.Bounced, address, "the account is disabled"));
                    break;
                case Resolution.NotLocal when envelope.IsOurs:
                    remote.Add(Remote(recipient, address, envelope.MailFrom));
                    break;
                case Resolution.NotLocal:
                    events.Add(Fault(envelope, TraceKind.Bounced, address, "the domain is not ours (any more), and the client may not relay"));
                    break;
                default:
                    events.Add(Fault(envelope, TraceKind.Bounced, address, "no such address"));
                    break;
            }
        }

        return ([.. routes.Values], remote, events);
    }

    private Task<DeliveryResult> DeliverAsync(
        InboundEnvelope envelope, MessageSummary summary, AccountEntry account, CancellationToken cancellationToken)
    {
        var prologue = Prologue(envelope, account);
        return mailboxes.DeliverAsync(
            account.MailboxId,
            new MailboxEntry
            {
                MessageId = envelope.Id,
                Blob = envelope.Blob,
                Prologue = prologue,
                Size = Encoding.UTF8.GetByteCount(prologue) + summary.Octets + (summary.LacksFinalLineBreak ? 2 : 0),
                LacksFinalLineBreak = summary.LacksFinalLineBreak,
                ReceivedAt = envelope.ReceivedAt,
                Subject = summary.Subject,
                From = summary.From,
                To = summary.To,
                Date = summary.Date,
                InternetMessageId = summary.MessageId,
                Attachments = summary.Attachments,
            },
            account.QuotaBytes,
            cancellationToken);
    }

    // RFC 5321 §4.4: the return path is written at final delivery.
    private static string Prologue(InboundEnvelope envelope, AccountEntry account) =>
        $"Return-Path: <{envelope.MailFrom.Address}>\r\nDelivered-To: {account.Address}\r\n";

    private static TraceEvent Event(InboundEnvelope envelope, Route route, EmailAddress recipient) => route.Result switch
    {
        DeliveryResult.OverQuota => Fault(envelope, TraceKind.Bounced, recipient, "the mailbox is full"),
        _ => new TraceEvent
        {
            MessageId = envelope.Id,
            At = route.Result switch
            {
                DeliveryResult.Delivered delivered => delivered.At,
                DeliveryResult.AlreadyDelivered before => before.At, // the row that may be missing, or the very same one
                _ => throw new InvalidOperationException("The route was not tried."),
            },
            Kind = TraceKind.Delivered,
            Addresses = [recipient.ToCanonicalString()],
            Detail = route.Account.Address.Equals(recipient) ? null : $"into the mailbox of {route.Account.Address.ToCanonicalString()}",
        },
    };

    private static TraceEvent Accepted(InboundEnvelope envelope) => new()
    {
        MessageId = envelope.Id,
        At = envelope.ReceivedAt,
        Kind = TraceKind.Accepted,
        Addresses = envelope.MailFrom.Address.Length > 0
            ? [EmailAddress.Parse(envelope.MailFrom.Address)?.ToCanonicalString() ?? envelope.MailFrom.Address]
            : [],
        Detail = $"{envelope.Listener} from {envelope.Client.Ip} ({envelope.Client.Helo}), {envelope.Client.Tls ?? "no TLS"}, " +
            $"{(envelope.Client.AuthenticatedAs is { } account ? "as " + account : "no login")}, {envelope.Size} octets, {envelope.Recipients.Count} recipients",
    };

    /// <summary>Dated by the message, so that each new try writes the same row.</summary>
    private static TraceEvent Fault(InboundEnvelope envelope, string kind, EmailAddress? recipient, string detail) => new()
    {
        MessageId = envelope.Id,
        At = envelope.ReceivedAt,
        Kind = kind,
        Addresses = [recipient?.ToCanonicalString() ?? envelope.Recipients[0].Address],
        Detail = detail,
    };

    /// <summary>RFC 3461 §5.2.3: who was named first stays known, whoever it is sent on to.</summary>
    private static RemoteRecipient Remote(EnvelopeRecipient recipient, EmailAddress address, ReversePath mailFrom) => new(
        address, new OutboundRecipient { Address = address.ToString(), Notify = recipient.Notify, Orcpt = recipient.Orcpt }, mailFrom);

    private sealed record RemoteRecipient(EmailAddress Address, OutboundRecipient Recipient, ReversePath MailFrom);

    private sealed class Route(AccountEntry account)
    {
        public AccountEntry Account => account;

        public List<EmailAddress> Recipients { get; } = [];

        public DeliveryResult? Result { get; set; }
    }
}
