using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Admission;

namespace MailFunctions.Edge.Policy;

/// <summary>What SMTP sessions may do, by the directory, the quotas and the rates.</summary>
internal sealed class DirectorySmtpPolicy(CachedDirectory directory, CachedUsage usage, MailRates rates, SrsRewriter? srs = null) : ISmtpPolicy
{
    private readonly RecipientResolver _resolver = new(directory, srs);

    public async ValueTask<SenderVerdict> CheckSenderAsync(
        EmailAddress? sender, AuthenticatedAccount? account, ClientInfo client, CancellationToken cancellationToken)
    {
        if (account is not null && sender is not null
            && await CheckFromAsync(sender, account, cancellationToken) is var owned and not SenderVerdict.Accepted)
        {
            return owned;
        }

        return rates.TakeMessage(client.AuthenticatedAs, client.Ip) ? SenderVerdict.Accepted : SenderVerdict.RateLimited;
    }

    public async ValueTask<SenderVerdict> CheckFromAsync(EmailAddress from, AuthenticatedAccount account, CancellationToken cancellationToken)
    {
        if (from.Equals(account.Address))
        {
            return SenderVerdict.Accepted;
        }

        try
        {
            // Its own by alias, tag or catch-all: mail to that address reaches the account's mailbox.
            return await _resolver.ResolveAsync(from, cancellationToken) is Resolution.Found found
                && found.Mailboxes.Any(m => m.MailboxId == account.MailboxId)
                ? SenderVerdict.Accepted
                : SenderVerdict.NotOwned;
        }
        catch (StoreUnavailableException)
        {
            return SenderVerdict.Unavailable;
        }
    }

    public async ValueTask<RecipientVerdict> CheckRecipientAsync(
        EmailAddress recipient, AuthenticatedAccount? account, ClientInfo client, long declaredSize, CancellationToken cancellationToken)
    {
        if (!rates.TakeRecipient(client.AuthenticatedAs, client.Ip))
        {
            return RecipientVerdict.RateLimited;
        }

        try
        {
            return await _resolver.ResolveAsync(recipient, cancellationToken) switch
            {
                Resolution.NotLocal => RecipientVerdict.NotLocal,
                Resolution.Disabled => RecipientVerdict.Disabled,
                Resolution.Found found => await CheckRoomAsync(found, declaredSize, cancellationToken),
                _ => RecipientVerdict.Unknown,
            };
        }
        catch (StoreUnavailableException)
        {
            return RecipientVerdict.Unavailable;
        }
    }

    /// <summary>An alias is refused only when nobody behind it has room.</summary>
    private async ValueTask<RecipientVerdict> CheckRoomAsync(Resolution.Found found, long declaredSize, CancellationToken cancellationToken)
    {
        if (found.Remote.Count > 0)
        {
            return RecipientVerdict.Accepted;
        }

        var refusal = RecipientVerdict.TooBigForMailbox;
        foreach (var mailbox in found.Mailboxes)
        {
            if (mailbox.QuotaBytes is not { } quota)
            {
                return RecipientVerdict.Accepted;
            }

            if (declaredSize > quota)
            {
                continue; // not even when it is empty
            }

            refusal = RecipientVerdict.OverQuota;
            if (await usage.BytesAsync(mailbox.MailboxId, cancellationToken) + Math.Max(declaredSize, 1) <= quota)
            {
                return RecipientVerdict.Accepted;
            }
        }

        return refusal;
    }
}
