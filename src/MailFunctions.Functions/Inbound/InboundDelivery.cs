using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Outbound;

namespace MailFunctions.Functions.Inbound;

/// <summary>What became of a message's recipients.</summary>
/// <param name="Reported">Those that could not be reached, reported to the sender.</param>
/// <param name="Faults">Failures without a sender to report to; empty when every recipient has its end.</param>
internal sealed record DeliveryOutcome(int Delivered, int Relayed, int Reported, IReadOnlyList<string> Faults);

/// <summary>
/// Brings one accepted message into the mailboxes of its recipients and makes jobs for those elsewhere (design §1, steps
/// 3 to 5). Doing it again changes nothing, so a message that comes twice, or after a crash half-way, ends the same.
/// </summary>
internal sealed class InboundDelivery(
    IMessageStore store, InboundRecipients recipients, IMailboxDelivery mailboxes, JobMaker jobs, DeliveryReports reports,
    IUnreferencedBlobs unkept, ITraceWriter traces)
{
    private const int MaxParallelDeliveries = 8;
    private const string HeldBack = "not sent back, since its sender has had as many reports as an address gets in an hour";

    /// <exception cref="StoreUnavailableException">To be tried again.</exception>
    public async Task<DeliveryOutcome> DeliverAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        var resolving = recipients.ResolveAsync(envelope, cancellationToken);
        await using var blob = await store.OpenReadAsync(envelope.Blob, 0, cancellationToken);
        if (blob is null)
        {
            await traces.WriteAsync(
                [Accepted(envelope), Fault(envelope, TraceKind.Unreadable, null, "the message is not in the store")], cancellationToken);
            await resolving;
            return new DeliveryOutcome(0, 0, 0, [$"The blob of message {envelope.Id} is gone."]);
        }

        var summary = await SummaryReader.ReadAsync(blob, cancellationToken);
        var resolved = await resolving;
        var plan = recipients.Plan(envelope, summary, resolved);
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

        var heldBack = resolved.Where(r => r.IsHeldBack).Select(r => Fault(envelope, TraceKind.Bounced, r.Address, HeldBack));
        var events = plan.Routes.Where(IsDelivered).SelectMany(r => r.Recipients.Select(a => Delivered(envelope, r, a))).ToList();
        List<RecipientEnd> ends = [.. plan.Ends, .. plan.Routes.SelectMany(EndsOf)];
        var failed = ends.Where(e => e.IsFailure).ToList();
        var report = await reports.ReportAsync(envelope, ends, cancellationToken);
        var isReported = report == ReportEnd.Reported;
        var suffix = report == ReportEnd.OverLimit ? DsnSender.OverLimit : "";
        events.AddRange(failed.Select(e => Fault(envelope, TraceKind.Bounced, e.Named, e.Detail + suffix)));
        await traces.WriteAsync(
            [Accepted(envelope) with { InternetMessageId = summary.MessageId }, .. events, .. heldBack], cancellationToken);
        return new DeliveryOutcome(
            plan.Routes.Count(IsDelivered),
            plan.Remote.Count,
            isReported ? failed.Count : 0,
            report != ReportEnd.NoSender ? [] : [.. failed.Select(e => $"{e.Named.ToCanonicalString()}: {e.Detail}")]);
    }

    private static bool IsDelivered(Route route) => route.Result is not DeliveryResult.OverQuota;

    /// <summary>What a mailbox's recipients came to, as far as it is theirs alone: members of an alias have no success of their own.</summary>
    private static IEnumerable<RecipientEnd> EndsOf(Route route) => IsDelivered(route)
        ? route.Recipients.Where(r => r.IsSole).Select(
            r => new RecipientEnd(r.Recipient, r.Address, route.Account.Address, DsnAction.Delivered, "2.1.5", "in the mailbox"))
        : route.Recipients.Select(
            r => new RecipientEnd(r.Recipient, r.Address, route.Account.Address, DsnAction.Failed, "5.2.2", "the mailbox is full"));

    private Task<DeliveryResult> DeliverAsync(
        InboundEnvelope envelope, MessageSummary summary, AccountEntry account, CancellationToken cancellationToken)
    {
        var prologue = Prologue.For(envelope.MailFrom.Address, account.Address);
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

    private static TraceEvent Delivered(InboundEnvelope envelope, Route route, RoutedRecipient recipient) => new()
    {
        MessageId = envelope.Id,
        At = route.Result switch
        {
            DeliveryResult.Delivered delivered => delivered.At,
            DeliveryResult.AlreadyDelivered before => before.At, // the row that may be missing, or the very same one
            _ => throw new InvalidOperationException("The route was not tried."),
        },
        Kind = TraceKind.Delivered,
        Addresses = [recipient.Address.ToCanonicalString()],
        Detail = (route.Account.Address.Equals(recipient.Address), recipient.IsLoop) switch
        {
            (true, false) => null,
            (false, false) => $"into the mailbox of {route.Account.Address.ToCanonicalString()}",
            _ => $"into the mailbox of {route.Account.Address.ToCanonicalString()}; not sent on, since the message has been here before",
        },
    };

    private static TraceEvent Accepted(InboundEnvelope envelope) => new()
    {
        MessageId = envelope.Id,
        At = envelope.ReceivedAt,
        Kind = TraceKind.Accepted,
        Addresses = envelope.MailFrom.Address.Length > 0
            ? [EmailAddress.ParseReversePath(envelope.MailFrom.Address)?.ToCanonicalString() ?? envelope.MailFrom.Address]
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
}
