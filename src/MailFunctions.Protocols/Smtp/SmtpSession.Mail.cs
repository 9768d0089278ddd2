using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;

namespace MailFunctions.Protocols.Smtp;

public sealed partial class SmtpSession
{
    private const string FromPrefix = "FROM:";
    private const string ToPrefix = "TO:";

    // RFC 5321 §4.1.1.2
    private async ValueTask<SmtpReply?> MailAsync(string argument, CancellationToken abort)
    {
        if (_transaction is not null)
        {
            return SmtpReplies.NestedMail;
        }

        if (!argument.StartsWith(FromPrefix, StringComparison.OrdinalIgnoreCase)
            || PathArgument.Parse(argument[FromPrefix.Length..], isReversePath: true, listener.IsSubmission)
                is not { IsPostmaster: false } path)
        {
            return SmtpReplies.BadPath;
        }

        var now = services.Time.GetUtcNow();
        var transaction = new MailTransaction(MessageName.NewId(now), now);
        if (transaction.SetSender(path, listener, _esmtp, connection.Tls is not null) is { } refusal)
        {
            return refusal;
        }

        if (_account is not null)
        {
            switch (await services.Logins.CheckAsync(_account, abort))
            {
                case LoginState.Ended:
                    return Ending(SmtpReplies.LoginEnded, SessionEnd.LoginEnded);
                case LoginState.Unknown:
                    return SmtpReplies.DirectoryUnavailable;
            }
        }

        switch (await services.Policy.CheckSenderAsync(transaction.Sender, _account, Client(), abort))
        {
            case SenderVerdict.Accepted:
                _transaction = transaction;
                transaction.Begin(listener.Kind);
                return SmtpReplies.SenderOk;
            case SenderVerdict.NotOwned:
                return SmtpReplies.SenderNotOwned;
            case SenderVerdict.RateLimited:
                return SmtpReplies.RateLimited;
            default:
                return SmtpReplies.DirectoryUnavailable;
        }
    }

    // RFC 5321 §4.1.1.3
    private async ValueTask<SmtpReply?> RcptAsync(string argument, CancellationToken abort)
    {
        if (!argument.StartsWith(ToPrefix, StringComparison.OrdinalIgnoreCase)
            || PathArgument.Parse(argument[ToPrefix.Length..], bareAllowed: listener.IsSubmission) is not { } path
            || (path.IsPostmaster ? await PostmasterAsync(abort) : path.Address) is not { } address)
        {
            return SmtpReplies.BadRecipientPath;
        }

        if (_transaction!.ReadRecipient(address, path, _esmtp, out var refusal) is not { } recipient)
        {
            return refusal;
        }

        if (_transaction.TakesNoMore || _transaction.Recipients.Count >= listener.Limits.Recipients
            || _transaction.EnvelopeOctets + MailTransaction.SizeOf(recipient) > SmtpLimits.EnvelopeOctets)
        {
            // RFC 5321 §4.5.3.1.10: the client sends those again, in another transaction. As many again are not counted as errors.
            _transaction.TooManyCount++;
            return SmtpReplies.TooManyRecipients;
        }

        var verdict = await services.Policy.CheckRecipientAsync(
            address, _account, Client(), _transaction.Sender, _transaction.DeclaredSize, abort);
        if (verdict == RecipientVerdict.AcceptedAlone && _transaction.Recipients.Count > 0)
        {
            return SmtpReplies.TooManyRecipients;
        }

        _transaction.TakesNoMore = verdict == RecipientVerdict.AcceptedAlone;
        var relays = verdict == RecipientVerdict.NotLocal && _account is not null && listener.RelayAllowed;
        if (relays || verdict is RecipientVerdict.Accepted or RecipientVerdict.AcceptedAlone)
        {
            _transaction.Add(recipient);
            return SmtpReplies.RecipientOk;
        }

        var reply = verdict switch
        {
            RecipientVerdict.NotLocal => _account is not null ? SmtpReplies.RelayUnavailable : SmtpReplies.RelayDenied,
            RecipientVerdict.ReportsOnly => SmtpReplies.ReportsOnly,
            RecipientVerdict.Unknown => SmtpReplies.UnknownRecipient,
            RecipientVerdict.Disabled => SmtpReplies.DisabledRecipient,
            RecipientVerdict.OverQuota => SmtpReplies.FullMailbox,
            RecipientVerdict.TooBigForMailbox => SmtpReplies.TooBigForMailbox,
            RecipientVerdict.RateLimited => SmtpReplies.RateLimited,
            _ => SmtpReplies.DirectoryUnavailable,
        };
        _transaction.AddRefused(address, reply.Status);
        return reply;
    }

    /// <summary>RFC 5321 §4.5.1: the postmaster of this server, in the nearest domain of ours above its host name.</summary>
    private async ValueTask<EmailAddress?> PostmasterAsync(CancellationToken abort)
    {
        for (var domain = listener.HostName; ; domain = domain[(domain.IndexOf('.') + 1)..])
        {
            var address = EmailAddress.Parse("postmaster@" + domain);
            if (address is null || !domain.Contains('.')
                || await services.Policy.CheckRecipientAsync(address, _account, Client(), sender: null, declaredSize: 0, abort)
                    != RecipientVerdict.NotLocal)
            {
                return address;
            }
        }
    }

    private async ValueTask<SmtpReply?> RsetAsync()
    {
        await ResetAsync();
        return SmtpReplies.Flushed;
    }
}
