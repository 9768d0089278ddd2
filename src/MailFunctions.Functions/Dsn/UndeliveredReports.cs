using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Dsn;

/// <summary>An address of ours that a message could not be brought to.</summary>
/// <param name="Recipient">As accepted.</param>
/// <param name="Named">The recipient's address.</param>
/// <param name="Final">Where it led: the same address, or a target of an alias.</param>
/// <param name="Status">RFC 3463 status.</param>
/// <param name="Reason">For sender and postmaster.</param>
internal sealed record Undelivered(EnvelopeRecipient Recipient, EmailAddress Named, EmailAddress Final, string Status, string Reason);

/// <summary>
/// RFC 5321 §6.1: tells the sender of recipients that were accepted and, by the time of delivery, could not be reached
/// here. One report a recipient, named by message and recipient: told again, it is the same one.
/// </summary>
internal sealed class UndeliveredReports(DsnSender sender)
{
    /// <summary>False when there is nobody to tell: the null reverse-path (RFC 5321 §4.5.5).</summary>
    public async Task<bool> TellAsync(InboundEnvelope envelope, Undelivered undelivered, CancellationToken cancellationToken)
    {
        if (envelope.MailFrom.Address.Length == 0)
        {
            return false;
        }

        var recipient = new OutboundRecipient
        {
            Address = undelivered.Final.ToString(),
            Notify = undelivered.Recipient.Notify,
            Orcpt = undelivered.Recipient.Orcpt ?? (undelivered.Final.Equals(undelivered.Named) ? null : OriginalRecipient.For(undelivered.Named)),
        };
        if (recipient.Asks("FAILURE"))
        {
            var result = new RecipientResult(recipient, ResultKind.Failed, undelivered.Status, undelivered.Reason, null, envelope.ReceivedAt);
            await sender.SendAsync(Job(envelope, undelivered, recipient), DsnAction.Failed, [result], cancellationToken);
        }

        return true; // not to be told is the sender's wish, too
    }

    private static OutboundJob Job(InboundEnvelope envelope, Undelivered undelivered, OutboundRecipient recipient) => new()
    {
        Id = $"{envelope.Id}-{undelivered.Named.ToCanonicalString()}-{undelivered.Final.ToCanonicalString()}",
        Domain = undelivered.Named.Domain,
        MessageId = envelope.Id,
        Blob = envelope.Blob,
        Size = envelope.Size,
        MailFrom = envelope.MailFrom,
        ReceivedAt = envelope.ReceivedAt,
        Recipients = [recipient],
        NextAttempt = envelope.ReceivedAt,
    };
}
