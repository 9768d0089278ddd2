using System.Net;
using MailFunctions.Core.Accounts;

namespace MailFunctions.Core.Sessions;

/// <summary>The answer to a login.</summary>
public abstract record AuthenticationResult
{
    public sealed record Authenticated(AuthenticatedAccount Account) : AuthenticationResult;

    /// <summary>Unknown account, wrong password, disabled account: the client does not learn which.</summary>
    public sealed record Rejected : AuthenticationResult;

    /// <summary>Too many failures from this address or for this account; nothing was checked.</summary>
    public sealed record Throttled(TimeSpan RetryAfter) : AuthenticationResult;

    /// <summary>
    /// Nothing can be checked now (`454 4.7.0`, `-ERR [SYS/TEMP]`): the directory can't be read, or too many logins wait.
    /// </summary>
    public sealed record Unavailable : AuthenticationResult
    {
        /// <summary>Too many wait.</summary>
        public bool IsBusy { get; init; }
    }
}

/// <summary>What a server needs for a SCRAM exchange (RFC 5802 §3).</summary>
/// <param name="Account">
/// Null for an unknown or disabled account: the exchange runs with a made-up, stable salt, or its own, and fails at its end.
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
    ValueTask<AuthenticationResult> CheckPasswordAsync(
        string login, string password, IPAddress client, CancellationToken cancellationToken);

    /// <summary>The verifier for a SCRAM exchange, or why there can be none now.</summary>
    ValueTask<ScramLookup> FindScramAsync(string login, IPAddress client, CancellationToken cancellationToken);

    /// <summary>
    /// Counts the outcome of a SCRAM exchange for the throttle; not null: it is refused, as too many others failed during it.
    /// </summary>
    AuthenticationResult.Throttled? RecordScram(string login, IPAddress client, bool succeeded);
}
