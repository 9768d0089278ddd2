using MailFunctions.Core.Addresses;

namespace MailFunctions.Core.Accounts;

/// <summary>The account of a login.</summary>
public sealed record AuthenticatedAccount(EmailAddress Address, string MailboxId)
{
    /// <summary>Days after which mail that a client has fetched is deleted; null: never.</summary>
    public int? ExpireAfterDays { get; init; }

    /// <summary>
    /// Which of the account's verifiers was matched (<see cref="ScramVerifier.Fingerprint"/>); null: none, so the login
    /// has ended when it is checked again.
    /// </summary>
    public string? Credential { get; init; }
}
