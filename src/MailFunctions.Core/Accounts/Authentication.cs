using System.Net;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;

namespace MailFunctions.Core.Accounts;

/// <summary>Who logged in.</summary>
public sealed record AuthenticatedAccount(EmailAddress Address, string MailboxId)
{
    /// <inheritdoc cref="AccountEntry.ExpireAfterDays"/>
    public int? ExpireAfterDays { get; init; }

    /// <summary>
    /// Which of the account's verifiers was matched (<see cref="ScramVerifier.Fingerprint"/>); null: none, so
    /// <see cref="IOpenLogins"/> finds that it has ended.
    /// </summary>
    public string? Credential { get; init; }
}

/// <summary>The answer to a login.</summary>
public abstract record AuthenticationResult
{
    public sealed record Authenticated(AuthenticatedAccount Account) : AuthenticationResult;

    /// <summary>Unknown account, wrong password, disabled account: never told apart to the client.</summary>
    public sealed record Rejected : AuthenticationResult;

    /// <summary>Too many failures from this address or for this account; nothing was checked.</summary>
    public sealed record Throttled(TimeSpan RetryAfter) : AuthenticationResult;

    /// <summary>Nothing can be checked now (`454 4.7.0`, `-ERR [SYS/TEMP]`): the directory can't be read, or too many logins wait.</summary>
    public sealed record Unavailable : AuthenticationResult
    {
        /// <summary>Too many wait.</summary>
        public bool IsBusy { get; init; }
    }
}

/// <summary>What a server needs for a SCRAM exchange (RFC 5802 §3).</summary>
/// <param name="Account">
/// Null for an account that is not there, or disabled: the exchange goes on with a made-up, stable salt, or its own, and fails
/// at its end.
/// </param>
public sealed record ScramCredential(AuthenticatedAccount? Account, ScramVerifier Verifier);

/// <summary>The answer to the question for a verifier.</summary>
public abstract record ScramLookup
{
    public sealed record Found(ScramCredential Credential) : ScramLookup;

    /// <param name="Why"><see cref="AuthenticationResult.Throttled"/> or <see cref="AuthenticationResult.Unavailable"/>.</param>
    public sealed record Refused(AuthenticationResult Why) : ScramLookup;
}

/// <summary>Checks credentials; one implementation for SMTP and POP3. Failed logins are slowed down behind this port.</summary>
public interface IAuthenticator
{
    /// <summary>Checks a password, the account's own or an app password.</summary>
    ValueTask<AuthenticationResult> CheckPasswordAsync(string login, string password, IPAddress client, CancellationToken cancellationToken);

    /// <summary>The verifier for a SCRAM exchange, or why there can be none now.</summary>
    ValueTask<ScramLookup> FindScramAsync(string login, IPAddress client, CancellationToken cancellationToken);

    /// <summary>Counts the outcome of a SCRAM exchange for the throttle; not null: it does not count, as too many others failed while it went on.</summary>
    AuthenticationResult.Throttled? RecordScram(string login, IPAddress client, bool succeeded);
}
