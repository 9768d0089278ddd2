using System.Text;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Admission;

namespace MailFunctions.Edge.Policy;

/// <summary>What SMTP sessions may do, by the directory, the quotas and the rates.</summary>
/// <param name="hostName">As the function app has it, so that both find the same postmaster.</param>
internal sealed class DirectorySmtpPolicy(
    CachedDirectory directory, CachedUsage usage, MailRates rates, SrsRewriter? srs = null, string? hostName = null) : ISmtpPolicy
{
    private readonly RecipientResolver _resolver = new(directory, srs, hostName);

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

    public async ValueTask<SenderVerdict> CheckFromAsync(
        EmailAddress from, AuthenticatedAccount account, CancellationToken cancellationToken)
    {
        if (from.Equals(account.Address))
        {
            return SenderVerdict.Accepted;
        }

        try
        {
            return await _resolver.MaySendAsAsync(from, account, cancellationToken) ? SenderVerdict.Accepted : SenderVerdict.NotOwned;
        }
        catch (StoreUnavailableException)
        {
            return SenderVerdict.Unavailable;
        }
    }

    public async ValueTask<RecipientVerdict> CheckRecipientAsync(
        EmailAddress recipient, AuthenticatedAccount? account, ClientInfo client, EmailAddress? sender, long declaredSize,
        CancellationToken cancellationToken)
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
                Resolution.Found when srs?.Unwrap(recipient) is { } behind => sender is not null ? RecipientVerdict.ReportsOnly
                    : rates.TakeReport(behind) ? RecipientVerdict.AcceptedAlone
                    : RecipientVerdict.RateLimited,
                Resolution.Found found => await FindRoomAsync(found, _ => Math.Max(declaredSize, 1), cancellationToken) switch
                {
                    Room.Enough => RecipientVerdict.Accepted,
                    Room.None => RecipientVerdict.OverQuota,
                    _ => RecipientVerdict.TooBigForMailbox,
                },
                _ => RecipientVerdict.Unknown,
            };
        }
        catch (StoreUnavailableException)
        {
            return RecipientVerdict.Unavailable;
        }
    }

    public async ValueTask<ContentVerdict> CheckContentAsync(IncomingContent content, CancellationToken cancellationToken)
    {
        var refusal = ContentVerdict.Accepted;
        try
        {
            foreach (var recipient in content.Recipients)
            {
                var verdict = await CheckContentAsync(EmailAddress.Parse(recipient.Address), content, cancellationToken);
                if (verdict == ContentVerdict.Accepted)
                {
                    return ContentVerdict.Accepted;
                }

                // Of several reasons the one that may be over by the next try, then the first.
                refusal = refusal == ContentVerdict.Accepted || verdict == ContentVerdict.OverQuota ? verdict : refusal;
            }
        }
        catch (StoreUnavailableException)
        {
            return ContentVerdict.Accepted; // RCPT has asked; delivery asks again
        }

        return refusal;
    }

    private async ValueTask<ContentVerdict> CheckContentAsync(
        EmailAddress? recipient, IncomingContent content, CancellationToken cancellationToken)
    {
        switch (recipient is null ? new Resolution.NotLocal() : await _resolver.ResolveAsync(recipient, cancellationToken))
        {
            case Resolution.Disabled:
                return ContentVerdict.Disabled;
            case Resolution.Unknown:
                return ContentVerdict.Unknown;
            case Resolution.Found found:
                // RFC 9228 §3: it goes nowhere a second time; a copy that stays here is taken.
                var loops = found.Remote.Count > 0 && content.DeliveredTo.Any(d => EmailAddress.Parse(d)?.Equals(recipient) is true);
                if (loops && found.Mailboxes.Count == 0)
                {
                    return ContentVerdict.Loop;
                }

                var local = loops ? found with { Remote = [] } : found;
                return await FindRoomAsync(local, SizeIn, cancellationToken) switch
                {
                    Room.Enough => ContentVerdict.Accepted,
                    Room.None => ContentVerdict.OverQuota,
                    _ => ContentVerdict.TooBigForMailbox,
                };
            default:
                return ContentVerdict.Accepted; // the relay's
        }

        long SizeIn(AccountEntry mailbox) =>
            content.Size + Encoding.UTF8.GetByteCount(Prologue.For(content.MailFrom.Address, mailbox.Address));
    }

    /// <summary>An alias is refused only when no mailbox behind it has room.</summary>
    /// <param name="found">Where the message goes.</param>
    /// <param name="size">Octets that it takes in a mailbox.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    private async ValueTask<Room> FindRoomAsync(Resolution.Found found, Func<AccountEntry, long> size, CancellationToken cancellationToken)
    {
        if (found.Remote.Count > 0)
        {
            return Room.Enough;
        }

        var room = Room.Never;
        foreach (var mailbox in found.Mailboxes)
        {
            if (mailbox.QuotaBytes is not { } quota)
            {
                return Room.Enough;
            }

            if (size(mailbox) > quota)
            {
                continue; // not even when it is empty
            }

            room = Room.None;
            if (await usage.BytesAsync(mailbox.MailboxId, cancellationToken) + size(mailbox) <= quota)
            {
                return Room.Enough;
            }
        }

        return room;
    }

    private enum Room
    {
        Enough,

        /// <summary>Not now.</summary>
        None,

        /// <summary>Not even in an empty mailbox.</summary>
        Never,
    }
}
