using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dsn;

namespace MailFunctions.Functions.Inbound;

/// <summary>A recipient of an envelope, and where the directory leads it.</summary>
internal sealed record ResolvedRecipient(EnvelopeRecipient Recipient, EmailAddress Address, Resolution Resolution)
{
    /// <summary>A report over the limit of its address: it is only traced.</summary>
    public bool IsHeldBack { get; init; }
}

/// <summary>A recipient with a local mailbox.</summary>
/// <param name="IsSole">The mailbox is the recipient's own, or all that an alias leads to.</param>
/// <param name="IsLoop">It would be forwarded too, had it not passed here before.</param>
internal sealed record RoutedRecipient(EnvelopeRecipient Recipient, EmailAddress Address, bool IsSole, bool IsLoop);

/// <summary>A remote recipient.</summary>
/// <param name="Through">Our address that forwards it; null: not forwarded.</param>
internal sealed record RemoteRecipient(EmailAddress Address, OutboundRecipient Recipient, ReversePath MailFrom, string? Through);

/// <summary>A mailbox, each once, with all recipients that lead to it.</summary>
internal sealed class Route(AccountEntry account)
{
    public AccountEntry Account => account;

    public List<RoutedRecipient> Recipients { get; } = [];

    public DeliveryResult? Result { get; set; }
}

/// <summary>The mailboxes that recipients lead to, each once; remote recipients; and the outcomes known before any delivery.</summary>
internal sealed class DeliveryPlan
{
    private readonly Dictionary<string, Route> _byMailbox = [];

    private DeliveryPlan()
    {
    }

    public List<Route> Routes { get; } = [];

    public List<RemoteRecipient> Remote { get; } = [];

    public List<RecipientOutcome> Outcomes { get; } = [];

    public static DeliveryPlan Make(
        InboundEnvelope envelope, MessageSummary summary, IEnumerable<ResolvedRecipient> recipients, ForwardedSender forwarded)
    {
        var plan = new DeliveryPlan();
        foreach (var one in recipients)
        {
            switch (one.Resolution)
            {
                case Resolution.Found found:
                    plan.Add(envelope, one, found, found.Remote.Count > 0 && ForwardingLoop.IsOne(summary, one.Address), forwarded);
                    break;
                case Resolution.Disabled:
                    plan.Fail(one, one.Address, "5.2.1", "the account is disabled");
                    break;
                case Resolution.NotLocal when envelope.IsOurs:
                    plan.Remote.Add(
                        new RemoteRecipient(one.Address, Outbound(one, one.Address, one.Recipient.Notify), envelope.MailFrom, null));
                    break;
                case Resolution.NotLocal:
                    plan.Fail(one, one.Address, "5.1.2", "the domain is not ours (any more), and the client may not relay");
                    break;
                default:
                    plan.Fail(one, one.Address, "5.1.1", "no such address");
                    break;
            }
        }

        return plan;
    }

    private void Add(InboundEnvelope envelope, ResolvedRecipient one, Resolution.Found found, bool isLoop, ForwardedSender forwarded)
    {
        var targets = found.Mailboxes.Count + found.Remote.Count + found.Failed.Count;
        var isExpanded = targets > 1;
        foreach (var account in found.Mailboxes)
        {
            // RFC 3461 §5.2.7: a copy that is kept while others are forwarded is the recipient's own.
            var isOwn = RecipientResolver.IsOwn(one.Address, account);
            isExpanded &= !isOwn;
            if (!_byMailbox.TryGetValue(account.MailboxId, out var route))
            {
                _byMailbox.Add(account.MailboxId, route = new Route(account));
                Routes.Add(route);
            }

            route.Recipients.Add(new RoutedRecipient(one.Recipient, one.Address, isOwn || targets == 1, isLoop));
        }

        foreach (var failed in found.Failed)
        {
            Fail(one, failed.Address, "5.1.1", failed.Reason);
        }

        if (isLoop)
        {
            if (found.Mailboxes.Count == 0)
            {
                Fail(one, one.Address, "5.4.6", "the message goes round: this address has sent it on before");
            }

            return; // Delivered-To may be forged: it stops forwarding, never local delivery
        }

        if (isExpanded)
        {
            Outcomes.Add(new RecipientOutcome(
                one.Recipient, one.Address, one.Address, DsnAction.Expanded, "2.1.5", "passed on to the members of this address"));
        }

        var mailFrom = forwarded.Rewrite(envelope.MailFrom, one.Address.Domain);
        var through = forwarded.IsReturning(one.Address) ? null : one.Address.ToString();
        var notify = targets > 1 ? WithoutSuccess(one.Recipient.Notify) : one.Recipient.Notify;
        Remote.AddRange(found.Remote.Select(r => new RemoteRecipient(r, Outbound(one, r, notify), mailFrom, through)));
    }

    private void Fail(ResolvedRecipient one, EmailAddress final, string status, string reason) =>
        Outcomes.Add(new RecipientOutcome(one.Recipient, one.Address, final, DsnAction.Failed, status, reason));

    /// <summary>The original recipient goes with it (RFC 3461 §5.2.7).</summary>
    private static OutboundRecipient Outbound(ResolvedRecipient one, EmailAddress address, string? notify) =>
        new() { Address = address.ToString(), Notify = notify, Orcpt = one.Recipient.Orcpt };

    // RFC 3461 §5.2.7.3 (c): success was reported for the alias; members report failures and delays.
    private static string? WithoutSuccess(string? notify) => notify is null ? null
        : string.Join(',', notify.Split(',').Where(w => !w.Equals("SUCCESS", StringComparison.OrdinalIgnoreCase))) is { Length: > 0 } left
            ? left
            : "NEVER";
}
