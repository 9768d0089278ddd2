using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Relay;

/// <summary>Makes the jobs of one message: one a domain and reverse-path, more only where a row could not hold them.</summary>
public static class JobSplitter
{
    /// <summary>Recipients of one job, and so of one SMTP transaction.</summary>
    public const int MaxRecipients = 50;

    /// <summary>
    /// Characters of the recipients' texts in one job, as JSON writes them; a column of a row holds 32 Ki, and one of them
    /// holds these beside the longest results that 50 recipients can have.
    /// </summary>
    public const int MaxText = 8_000;

    /// <summary>Always the same jobs for the same arguments.</summary>
    /// <param name="deliveredTo">Our address that forwards the message; null: not forwarded.</param>
    public static IEnumerable<OutboundJob> Split(
        InboundEnvelope envelope,
        ReversePath mailFrom,
        string? deliveredTo,
        IEnumerable<(EmailAddress Address, OutboundRecipient Recipient)> recipients,
        DateTimeOffset now)
    {
        var through = deliveredTo is null ? "" : "\n" + deliveredTo;
        foreach (var domain in recipients.GroupBy(r => r.Address.Domain))
        {
            var part = 0;
            foreach (var chunk in Chunk(domain.Select(r => r.Recipient).DistinctBy(r => r.Address)))
            {
                yield return new OutboundJob
                {
                    // Not the rewritten reverse-path, which changes every day.
                    Id = IdOf(envelope.Id, $"{domain.Key}\n{envelope.MailFrom.Address}\n{part++}{through}"),
                    Domain = domain.Key,
                    MessageId = envelope.Id,
                    Blob = envelope.Blob,
                    Size = envelope.Size,
                    MailFrom = mailFrom,
                    IsOurs = envelope.IsOurs,
                    DeliveredTo = deliveredTo,
                    ReceivedAt = envelope.HoldUntil is { } held && held > envelope.ReceivedAt ? held : envelope.ReceivedAt,
                    Recipients = chunk,
                    MadeFor = [.. chunk.Select(r => r.Address)],
                    NextAttempt = now,
                    ChangedAt = now,
                };
            }
        }
    }

    /// <summary>A separate job for a recipient that the existing row of <paramref name="job"/> does not include.</summary>
    public static OutboundJob Beside(OutboundJob job, OutboundRecipient recipient) => job with
    {
        Id = IdOf(job.MessageId, $"{job.Id}\n{recipient.Address}"),
        Recipients = [recipient],
        MadeFor = [recipient.Address],
    };

    private static IEnumerable<List<OutboundRecipient>> Chunk(IEnumerable<OutboundRecipient> recipients)
    {
        var chunk = new List<OutboundRecipient>();
        var text = 0;
        foreach (var recipient in recipients)
        {
            var length = EnvelopeJson.LengthOf(recipient.Address)
                + EnvelopeJson.LengthOf(recipient.Notify)
                + EnvelopeJson.LengthOf(recipient.Orcpt);
            if (chunk.Count == MaxRecipients || (chunk.Count > 0 && text + length > MaxText))
            {
                yield return chunk;
                (chunk, text) = ([], 0);
            }

            chunk.Add(recipient);
            text += length;
        }

        if (chunk.Count > 0)
        {
            yield return chunk;
        }
    }

    private static string IdOf(string message, string text) =>
        $"{message}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 6))}";
}
