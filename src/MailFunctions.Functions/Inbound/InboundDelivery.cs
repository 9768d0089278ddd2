using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Outbound;

namespace MailFunctions.Functions.Inbound;

/// <summary>What became of a message's recipients.</summary>
/// <param name="Reported">Those that could not be reached, told to the sender.</param>
/// <param name="Faults">Those that nobody could be told of: none, when every recipient has its end.</param>
internal sealed record DeliveryOutcome(int Delivered, int Relayed, int Reported, IReadOnlyList<string> Faults);

/// <summary>
/// Brings one accepted message into the mailboxes of its recipients and makes jobs for those elsewhere (design §1, steps
/// 3 to 5). Doing it again changes nothing, so a message that comes twice, or after a crash half-way, ends the same.
/// </summary>
internal sealed class InboundDelivery(
    IMessageStore store, IDirectoryReader directory, IMailboxDelivery mailboxes, JobMaker jobs, ForwardedSender forwarded, UndeliveredReports reports, IUnkeptMail unkept,
    ITraceWriter traces)
{
    private const int MaxParallelDeliveries = 8;

    private readonly RecipientResolver _resolver = new(directory, forwarded.Srs);

    /// <exception cref="StoreUnavailableException">To be tried again.</exception>
    public async Task<DeliveryOutcome> DeliverAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        var resolving = ResolveAsync(envelope, cancellationToken);
        await using var blob = await store.OpenReadAsync(envelope.Blob, 0, cancellationToken);
        if (blob is null)
        {
            await traces.WriteAsync(
                [Accepted(envelope), Fault(envelope, TraceKind.Unreadable, null, "the message is not in the store")], cancellationToken);
            await resolving;
            return new DeliveryOutcome(0, 0, 0, [$"The blob of message {envelope.Id} is gone."]);
        }

        var summary = await SummaryReader.ReadAsync(blob, cancellationToken);
        var plan = Plan(envelope, summary, await resolving);
        await Parallel.ForEachAsync(
            plan.Routes,
            new ParallelOptions { MaxDegreeOfParallelism = MaxParallelDeliveries, CancellationToken = cancellationToken },
            async (route, token) => route.Result = await DeliverAsync(envelope, summary, route.Account, token));

        foreach (var group in plan.Remote.DistinctBy(r => (r.MailFrom, r.Address)).GroupBy(r => (r.MailFrom, r.Through)))
        {
            await jobs.CreateAsync(envelope, group.Key.MailFrom, group.Key.Through, [.. group.Select(r => (r.Address, r.Recipient))], cancellationToken);
        }

        if (plan.Routes.Count == 0 && plan.Remote.Count == 0)
        {
            await unkept.NoteAsync(envelope.Id, envelope.Blob, cancellationToken); // who is over quota has been noted
        }

        var events = plan.Routes.Where(r => r.Result is not DeliveryResult.OverQuota).SelectMany(r => r.Recipients.Select(a => Delivered(envelope, r, a.Address))).ToList();
        var undelivered = plan.Undelivered
            .Concat(plan.Routes.Where(r => r.Result is DeliveryResult.OverQuota).SelectMany(r => r.Recipients.Select(a => new Undelivered(a.Recipient, a.Address, a.Address, "5.2.2", "the mailbox is full"))))
            .ToList();
        var faults = new List<string>();
        foreach (var one in undelivered)
        {
            var detail = one.Final.Equals(one.Named) ? one.Reason : $"{one.Final}: {one.Reason}";
            events.Add(Fault(envelope, TraceKind.Bounced, one.Named, detail));
            if (!await reports.TellAsync(envelope, one, cancellationToken))
            {
                faults.Add($"{one.Named.ToCanonicalString()}: {detail}");
            }
        }

        await traces.WriteAsync([Accepted(envelope) with { InternetMessageId = summary.MessageId }, .. events], cancellationToken);
        return new DeliveryOutcome(
            plan.Routes.Count(r => r.Result is not DeliveryResult.OverQuota), plan.Remote.Count, undelivered.Count - faults.Count, faults);
    }

    private async Task<List<Resolved>> ResolveAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        var all = new List<Resolved>();
        foreach (var recipient in envelope.Recipients)
        {
            var address = EmailAddress.Parse(recipient.Address)!; // checked when the envelope was read
            all.Add(new Resolved(recipient, address, await _resolver.ResolveAsync(address, cancellationToken)));
        }

        return all;
    }

    /// <summary>The mailboxes that the recipients lead to, each once; who is elsewhere; and what leads nowhere.</summary>
    private DeliveryPlan Plan(InboundEnvelope envelope, MessageSummary summary, List<Resolved> recipients)
    {
        var routes = new Dictionary<string, Route>();
        var plan = new DeliveryPlan([], [], []);
        foreach (var (recipient, address, resolution) in recipients)
        {
            switch (resolution)
            {
                case Resolution.Found { Remote.Count: > 0 } when ForwardingLoop.IsOne(summary, address):
                    // It has been here, and in the mailbox if there is one.
                    plan.Undelivered.Add(new Undelivered(recipient, address, address, "5.4.6", "the message goes round: this address has sent it on before"));
                    break;
                case Resolution.Found found:
                    foreach (var account in found.Mailboxes)
                    {
                        if (!routes.TryGetValue(account.MailboxId, out var route))
                        {
                            routes.Add(account.MailboxId, route = new Route(account));
                            plan.Routes.Add(route);
                        }

                        route.Recipients.Add((recipient, address));
                    }

                    plan.Undelivered.AddRange(found.Failed.Select(f => new Undelivered(recipient, address, f.Address, "5.1.1", f.Reason)));
                    plan.Remote.AddRange(found.Remote.Select(
                        r => Remote(recipient, r, forwarded.Rewrite(envelope.MailFrom, address.Domain), forwarded.IsReturning(address) ? null : address.ToString())));
                    break;
                case Resolution.Disabled:
                    plan.Undelivered.Add(new Undelivered(recipient, address, address, "5.2.1", "the account is disabled"));
                    break;
                case Resolution.NotLocal when envelope.IsOurs:
                    plan.Remote.Add(Remote(recipient, address, envelope.MailFrom, null));
                    break;
                case Resolution.NotLocal:
                    plan.Undelivered.Add(new Undelivered(recipient, address, address, "5.1.2", "the domain is not ours (any more), and the client may not relay"));
                    break;
                default:
                    plan.Undelivered.Add(new Undelivered(recipient, address, address, "5.1.1", "no such address"));
                    break;
            }
        }

        return plan;
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

    private static TraceEvent Delivered(InboundEnvelope envelope, Route route, EmailAddress recipient) => new()
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
    private static RemoteRecipient Remote(EnvelopeRecipient recipient, EmailAddress address, ReversePath mailFrom, string? through) => new(
        address, new OutboundRecipient { Address = address.ToString(), Notify = recipient.Notify, Orcpt = recipient.Orcpt }, mailFrom, through);

    private sealed record Resolved(EnvelopeRecipient Recipient, EmailAddress Address, Resolution Resolution);

    /// <param name="Through">The address of ours that sends it on; null: none does.</param>
    private sealed record RemoteRecipient(EmailAddress Address, OutboundRecipient Recipient, ReversePath MailFrom, string? Through);

    private sealed record DeliveryPlan(List<Route> Routes, List<RemoteRecipient> Remote, List<Undelivered> Undelivered);

    private sealed class Route(AccountEntry account)
    {
        public AccountEntry Account => account;

        public List<(EnvelopeRecipient Recipient, EmailAddress Address)> Recipients { get; } = [];

        public DeliveryResult? Result { get; set; }
    }
}
