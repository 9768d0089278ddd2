using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Dsn;

namespace MailFunctions.Functions.Inbound;

/// <summary>Where the recipients of an envelope lead: the directory's answer, and the rules for rewritten senders.</summary>
internal sealed class InboundRecipients(IDirectoryReader directory, ForwardedSender forwarded, ReportLimit limit)
{
    private readonly RecipientResolver _resolver = forwarded.Resolver(directory);

    /// <exception cref="StoreUnavailableException">The directory can't be read.</exception>
    public async Task<List<ResolvedRecipient>> ResolveAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        var all = new List<ResolvedRecipient>();
        foreach (var recipient in envelope.Recipients)
        {
            var address = EmailAddress.ParseReversePath(recipient.Address)!; // a report's is a sender; checked when the envelope was read
            var resolution = await _resolver.ResolveAsync(address, cancellationToken);
            all.Add(forwarded.IsReturning(address) && resolution is Resolution.Found
                ? await ReturnAsync(envelope, new ResolvedRecipient(recipient, address, resolution), cancellationToken)
                : new ResolvedRecipient(recipient, address, resolution));
        }

        return all;
    }

    /// <summary>A rewritten sender gives reports back, and no other mail; those that we make are limited where they are made.</summary>
    private async Task<ResolvedRecipient> ReturnAsync(
        InboundEnvelope envelope, ResolvedRecipient one, CancellationToken cancellationToken) =>
        envelope.MailFrom.Address.Length > 0 ? one with { Resolution = new Resolution.Unknown() }
            : one with
            {
                IsHeldBack = envelope.Listener != ListenerKind.Internal
                    && !await limit.TakeAsync(one.Recipient.Address, envelope.Id, envelope.ReceivedAt, cancellationToken),
            };

    public DeliveryPlan Plan(InboundEnvelope envelope, MessageSummary summary, IEnumerable<ResolvedRecipient> recipients) =>
        DeliveryPlan.Make(envelope, summary, recipients.Where(r => !r.IsHeldBack), forwarded);
}
