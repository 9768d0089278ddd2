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
