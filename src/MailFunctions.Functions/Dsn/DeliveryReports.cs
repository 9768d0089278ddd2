using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Dsn;

/// <summary>What became here of an address of ours.</summary>
/// <param name="Recipient">As accepted.</param>
/// <param name="Named">The recipient's address.</param>
/// <param name="Final">Where it led: the same address, or a target of an alias.</param>
/// <param name="Action">One that needs no other host.</param>
/// <param name="Status">RFC 3463 status.</param>
/// <param name="Reason">For sender and postmaster.</param>
internal sealed record RecipientEnd(
    EnvelopeRecipient Recipient, EmailAddress Named, EmailAddress Final, DsnAction Action, string Status, string Reason)
{
    public bool IsFailure => Action == DsnAction.Failed;

    /// <summary>`alice@example.test: the mailbox is full`, or the reason alone where the address is the recipient's own.</summary>
    public string Detail => Final.Equals(Named) ? Reason : $"{Final}: {Reason}";
}

/// <summary>What became of a report.</summary>
internal enum ReportEnd
{
    /// <summary>It is on its way, or none was wanted.</summary>
    Reported,

    /// <summary>The null reverse-path (RFC 5321 §4.5.5).</summary>
    NoSender,

    /// <summary>The sender has had as many as an address gets in an hour.</summary>
    OverLimit,
}

/// <summary>
/// Reports to the sender what a delivery came to here. RFC 5321 §6.1: recipients that were accepted and could not be
/// reached; RFC 3461 §5.2.3: those in a mailbox, where NOTIFY asks for it. One report a message, named by it: made again,
/// it is the same one.
/// </summary>
internal sealed class DeliveryReports(DsnSender sender)
{
    public async Task<ReportEnd> ReportAsync(InboundEnvelope envelope, IReadOnlyList<RecipientEnd> ends, CancellationToken cancellationToken)
    {
        if (envelope.MailFrom.Address.Length == 0)
        {
            return ReportEnd.NoSender;
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
                    .. ends.Where(e => e.Recipient.Asks(e.IsFailure ? "FAILURE" : "SUCCESS"))
                        .DistinctBy(e => (e.Action, e.Final.WithoutTag())) // a mailbox has any number of tagged names
                        .Select(e => Reported(envelope, e)),
                ],
            },
            cancellationToken);
        return sent ? ReportEnd.Reported : ReportEnd.OverLimit;
    }

    private static ReportedRecipient Reported(InboundEnvelope envelope, RecipientEnd end) => new(
        new OutboundRecipient
        {
            Address = end.Final.ToString(),
            Orcpt = end.Recipient.Orcpt ?? (end.Final.Equals(end.Named) ? null : OriginalRecipient.For(end.Named)),
        },
        end.Action,
        end.Status,
        end.Reason,
        null,
        envelope.ReceivedAt);
}
