using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Sessions;

/// <summary>The answer at RCPT.</summary>
public enum RecipientVerdict
{
    Accepted,

    /// <summary>Accepted, and alone in its transaction: a rewritten sender, which is there for reports.</summary>
    AcceptedAlone,

    /// <summary>`550 5.7.1`: a rewritten sender takes mail from the null reverse-path, and nothing else.</summary>
    ReportsOnly,

    /// <summary>Not a domain of ours: `550 5.7.1` unless the session may relay.</summary>
    NotLocal,

    /// <summary>`550 5.1.1`.</summary>
    Unknown,

    /// <summary>`550 5.2.1`.</summary>
    Disabled,

    /// <summary>`452 4.2.2`: no room, or not for a message of the declared size.</summary>
    OverQuota,

    /// <summary>`552 5.2.3`: the declared size is more than the mailbox may ever hold.</summary>
    TooBigForMailbox,

    /// <summary>`450 4.7.1`: too many recipients for the account or address of the client.</summary>
    RateLimited,

    /// <summary>`451 4.4.3`: the directory is out of reach.</summary>
    Unavailable,
}

/// <summary>The answer at MAIL, and for the header From on submission.</summary>
public enum SenderVerdict
{
    Accepted,

    /// <summary>`553 5.7.1`: not an address of the authenticated account.</summary>
    NotOwned,

    /// <summary>`450 4.7.1`: too many messages.</summary>
    RateLimited,

    /// <summary>`451 4.4.3`.</summary>
    Unavailable,
}

/// <summary>The answer at the end of data, for all recipients together: while any of them can have the message, it is taken.</summary>
public enum ContentVerdict
{
    Accepted,

    /// <summary>`452 4.2.2`: now that its size is known, there is no room for it.</summary>
    OverQuota,

    /// <summary>`552 5.2.3`.</summary>
    TooBigForMailbox,

    /// <summary>`554 5.4.6`: the recipients send on what they have sent on before (RFC 9228 §3).</summary>
    Loop,

    /// <summary>`550 5.2.1`: disabled since RCPT.</summary>
    Disabled,

    /// <summary>`550 5.1.1`: gone since RCPT.</summary>
    Unknown,
}

/// <summary>A message whose last octet has come, before anything is made of it.</summary>
/// <param name="Recipients">Those that were accepted.</param>
/// <param name="Size">Octets of the blob, this server's fields included.</param>
/// <param name="DeliveredTo">The values of its Delivered-To fields.</param>
public sealed record IncomingContent(
    IReadOnlyList<EnvelopeRecipient> Recipients, ReversePath MailFrom, long Size, IReadOnlyList<string> DeliveredTo);

/// <summary>What an SMTP session may do: asked, never decided inline.</summary>
public interface ISmtpPolicy
{
    /// <summary>
    /// Counts a message of this client, and on submission asks whether the account may use the reverse-path (null: the null
    /// reverse-path).
    /// </summary>
    ValueTask<SenderVerdict> CheckSenderAsync(
        EmailAddress? sender, AuthenticatedAccount? account, ClientInfo client, CancellationToken cancellationToken);

    /// <summary>Whether the account may put this address into the header From.</summary>
    ValueTask<SenderVerdict> CheckFromAsync(EmailAddress from, AuthenticatedAccount account, CancellationToken cancellationToken);

    /// <param name="recipient">Who is to get the message.</param>
    /// <param name="account">Null: the client has not logged in.</param>
    /// <param name="client">Who sends it.</param>
    /// <param name="sender">The reverse-path; null: the null reverse-path.</param>
    /// <param name="declaredSize">Octets that MAIL announced (RFC 1870), or 0.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    ValueTask<RecipientVerdict> CheckRecipientAsync(
        EmailAddress recipient, AuthenticatedAccount? account, ClientInfo client, EmailAddress? sender, long declaredSize,
        CancellationToken cancellationToken);

    /// <summary>What was not known at RCPT: refused now, a message needs no report to a sender who may be forged.</summary>
    ValueTask<ContentVerdict> CheckContentAsync(IncomingContent content, CancellationToken cancellationToken);
}
