using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;

namespace MailFunctions.Functions.Dsn;

/// <summary>The outcome of a local delivery for one recipient.</summary>
/// <param name="Recipient">As accepted.</param>
/// <param name="Named">The recipient's address.</param>
/// <param name="Final">Where it was delivered: the same address, or a target of an alias.</param>
/// <param name="Action">Failed, Delivered or Expanded.</param>
/// <param name="Status">RFC 3463 status.</param>
/// <param name="Reason">For sender and postmaster.</param>
internal sealed record RecipientOutcome(
    EnvelopeRecipient Recipient, EmailAddress Named, EmailAddress Final, DsnAction Action, string Status, string Reason)
{
    public bool IsFailure => Action == DsnAction.Failed;

    /// <summary>`alice@example.test: the mailbox is full`, or the reason alone where the address is the recipient's own.</summary>
    public string Detail => Final.Equals(Named) ? Reason : $"{Final}: {Reason}";
}

/// <summary>The outcome of a report.</summary>
internal enum ReportOutcome
{
    /// <summary>It was sent, or none was requested.</summary>
    Reported,

    /// <summary>The null reverse-path (RFC 5321 §4.5.5).</summary>
    NoSender,

    /// <summary>The sender has had as many as an address gets in an hour.</summary>
    OverLimit,
}

/// <summary>
/// Reports the outcomes of a local delivery to the sender. RFC 5321 §6.1: recipients that were accepted and could not be
/// reached; RFC 3461 §5.2.3: those in a mailbox, where NOTIFY asks for it. One report a message, named by it: made again,
/// it is the same one.
/// </summary>
internal sealed class DeliveryReports(DsnSender sender)
{
    public async Task<ReportOutcome> ReportAsync(
        InboundEnvelope envelope, IReadOnlyList<RecipientOutcome> outcomes, CancellationToken cancellationToken)
    {
        if (envelope.MailFrom.Address.Length == 0)
        {
            return ReportOutcome.NoSender;
        }

        var sent = await sender.SendAsync(
            new Report
            {
                Key = envelope.Id,
                MailFrom = envelope.MailFrom,
                Blob = envelope.Blob,
                Size = envelope.Size,
                ReceivedAt = envelope.ReceivedAt,
                IsOurs = envelope.IsOurs,
                Recipients =
                [
                    .. outcomes.Where(e => e.Recipient.Asks(e.IsFailure ? "FAILURE" : "SUCCESS"))
                        .DistinctBy(e => (e.Action, e.Final.WithoutTag())) // a mailbox has any number of tagged names
                        .Select(e => Reported(envelope, e)),
                ],
            },
            cancellationToken);
        return sent ? ReportOutcome.Reported : ReportOutcome.OverLimit;
    }

    private static ReportedRecipient Reported(InboundEnvelope envelope, RecipientOutcome outcome) => new(
        outcome.Final.ToString(),
        outcome.Recipient.Orcpt ?? (outcome.Final.Equals(outcome.Named) ? null : OriginalRecipient.For(outcome.Named)),
        outcome.Action,
        outcome.Status,
        outcome.Reason,
        null,
        envelope.ReceivedAt);
}
