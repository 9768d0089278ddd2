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

/// <summary>The outcome of a delivery, in numbers of recipients.</summary>
/// <param name="Reported">Those that failed and were reported to the sender.</param>
/// <param name="Faults">Those that failed and could be reported to no sender.</param>
internal sealed record DeliveryOutcome(int Delivered, int Relayed, int Reported, IReadOnlyList<string> Faults);

/// <summary>
/// Delivers one accepted message to the mailboxes of its local recipients and enqueues jobs for the remote ones (design §1,
/// steps 3 to 5). Doing it again changes nothing, so a message that comes twice, or after a crash half-way, ends the same.
/// </summary>
internal sealed class InboundDelivery(
    IMessageStore store,
    RecipientRouting routing,
    IMailboxDelivery mailboxes,
    OutboundQueue queue,
    DeliveryReports reports,
    IUnreferencedBlobs unkept,
    ITraceWriter traces)
{
    private const int MaxParallelDeliveries = 8;
    private const string HeldBack = "not sent back, since its sender has had as many reports as an address gets in an hour";

    /// <exception cref="StoreUnavailableException">To be tried again.</exception>
    public async Task<DeliveryOutcome> DeliverAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        var resolving = routing.ResolveAsync(envelope, cancellationToken);
        await using var blob = await store.OpenReadAsync(envelope.Blob, 0, cancellationToken);
        if (blob is null)
        {
            var missing = DeliveryTraces.Fault(envelope, TraceKind.Unreadable, null, "the message is not in the store");
            await traces.WriteAsync([DeliveryTraces.Accepted(envelope), missing], cancellationToken);
            await resolving;
            return new DeliveryOutcome(0, 0, 0, [$"The blob of message {envelope.Id} is gone."]);
        }

        var summary = await SummaryReader.ReadAsync(blob, cancellationToken);
        var recipients = await resolving;
        var plan = routing.Plan(envelope, summary, recipients);
        await Parallel.ForEachAsync(
            plan.Routes,
            new ParallelOptions { MaxDegreeOfParallelism = MaxParallelDeliveries, CancellationToken = cancellationToken },
            async (route, token) => route.Result = await DeliverAsync(envelope, summary, route.Account, token));

        foreach (var group in plan.Remote.DistinctBy(r => (r.MailFrom, r.Address)).GroupBy(r => (r.MailFrom, r.Through)))
        {
            List<(EmailAddress, OutboundRecipient)> remote = [.. group.Select(r => (r.Address, r.Recipient))];
            await queue.EnqueueAsync(envelope, group.Key.MailFrom, group.Key.Through, remote, cancellationToken);
        }

        if (plan.Routes.Count == 0 && plan.Remote.Count == 0)
        {
            await unkept.NoteAsync(envelope.Id, envelope.Blob, cancellationToken); // the mailbox notes it for those over quota
        }

        return await ReportAsync(envelope, summary, recipients, plan, cancellationToken);
    }

    /// <summary>Reports to the sender as NOTIFY asks, and to the traces.</summary>
    private async Task<DeliveryOutcome> ReportAsync(
        InboundEnvelope envelope,
        MessageSummary summary,
        IReadOnlyList<ResolvedRecipient> recipients,
        DeliveryPlan plan,
        CancellationToken cancellationToken)
    {
        List<RecipientOutcome> outcomes = [.. plan.Outcomes, .. plan.Routes.SelectMany(OutcomesOf)];
        var failed = outcomes.Where(e => e.IsFailure).ToList();
        var report = await reports.ReportAsync(envelope, outcomes, cancellationToken);
        var suffix = report == ReportOutcome.OverLimit ? DsnSender.OverLimit : "";
        await traces.WriteAsync(
            [
                DeliveryTraces.Accepted(envelope) with { InternetMessageId = summary.MessageId },
                .. plan.Routes.Where(IsDelivered).SelectMany(r => r.Recipients.Select(a => DeliveryTraces.Delivered(envelope, r, a))),
                .. failed.Select(e => DeliveryTraces.Fault(envelope, TraceKind.Bounced, e.Named, e.Detail + suffix)),
                .. recipients.Where(r => r.IsHeldBack).Select(r => DeliveryTraces.Fault(envelope, TraceKind.Bounced, r.Address, HeldBack)),
            ],
            cancellationToken);
        return new DeliveryOutcome(
            plan.Routes.Count(IsDelivered),
            plan.Remote.Count,
            report == ReportOutcome.Reported ? failed.Count : 0,
            report != ReportOutcome.NoSender ? [] : [.. failed.Select(e => $"{e.Named.ToCanonicalString()}: {e.Detail}")]);
    }

    private static bool IsDelivered(Route route) => route.Result is not DeliveryResult.OverQuota;

    /// <summary>The outcomes of a mailbox's recipients; members of an alias have no success of their own.</summary>
    private static IEnumerable<RecipientOutcome> OutcomesOf(Route route) => IsDelivered(route)
        ? route.Recipients.Where(r => r.IsSole).Select(
            r => new RecipientOutcome(r.Recipient, r.Address, route.Account.Address, DsnAction.Delivered, "2.1.5", "in the mailbox"))
        : route.Recipients.Select(
            r => new RecipientOutcome(r.Recipient, r.Address, route.Account.Address, DsnAction.Failed, "5.2.2", "the mailbox is full"));

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
}
