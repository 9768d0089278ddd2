using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Functions.Dsn;

namespace MailFunctions.Functions.Inbound;

/// <summary>Resolves the recipients of an envelope in the directory, and plans where each goes.</summary>
internal sealed class RecipientRouting(IDirectoryReader directory, ForwardedSender forwarded, ReportLimit limit)
{
    private readonly RecipientResolver _resolver = forwarded.Resolver(directory);

    public async Task<IReadOnlyList<ResolvedRecipient>> ResolveAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        var all = new List<ResolvedRecipient>();
        foreach (var recipient in envelope.Recipients)
        {
            var address = EmailAddress.ParseReversePath(recipient.Address)!; // checked when the envelope was read
            var resolution = await _resolver.ResolveAsync(address, cancellationToken);
            var resolved = new ResolvedRecipient(recipient, address, resolution);
            all.Add(forwarded.IsReturning(address) && resolution is Resolution.Found
                ? await LimitAsync(envelope, resolved, cancellationToken)
                : resolved);
        }

        return all;
    }

    public DeliveryPlan Plan(InboundEnvelope envelope, MessageSummary summary, IEnumerable<ResolvedRecipient> recipients) =>
        DeliveryPlan.Make(envelope, summary, recipients.Where(r => !r.IsHeldBack), forwarded);

    /// <summary>A rewritten sender takes reports and no other mail; our own reports are limited where they are made.</summary>
    private async Task<ResolvedRecipient> LimitAsync(
        InboundEnvelope envelope, ResolvedRecipient one, CancellationToken cancellationToken) =>
        envelope.MailFrom.Address.Length > 0
            ? one with { Resolution = new Resolution.Unknown() }
            : one with
            {
                IsHeldBack = envelope.Listener != ListenerKind.Internal
                    && !await limit.TakeAsync(one.Recipient.Address, envelope.Id, envelope.ReceivedAt, cancellationToken),
            };
}
