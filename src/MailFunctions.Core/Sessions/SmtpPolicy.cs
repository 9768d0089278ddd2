using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Sessions;

/// <summary>The answer at RCPT.</summary>
public enum RecipientVerdict
{
    Accepted,

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

/// <summary>What an SMTP session may do: asked, never decided inline.</summary>
public interface ISmtpPolicy
{
    /// <summary>Counts a message of this client, and on submission asks whether the account may use the reverse-path (null: the null reverse-path).</summary>
    ValueTask<SenderVerdict> CheckSenderAsync(EmailAddress? sender, AuthenticatedAccount? account, ClientInfo client, CancellationToken cancellationToken);

    /// <summary>Whether the account may put this address into the header From.</summary>
    ValueTask<SenderVerdict> CheckFromAsync(EmailAddress from, AuthenticatedAccount account, CancellationToken cancellationToken);

    /// <param name="recipient">Who is to get the message.</param>
    /// <param name="account">Null: nobody logged in.</param>
    /// <param name="client">Who sends it.</param>
    /// <param name="declaredSize">Octets that MAIL announced (RFC 1870), or 0.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    ValueTask<RecipientVerdict> CheckRecipientAsync(
        EmailAddress recipient, AuthenticatedAccount? account, ClientInfo client, long declaredSize, CancellationToken cancellationToken);
}
