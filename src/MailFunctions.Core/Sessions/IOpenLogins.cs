using MailFunctions.Core.Accounts;

namespace MailFunctions.Core.Sessions;

/// <summary>What has become of a login since it was made.</summary>
public enum LoginState
{
    Valid,

    /// <summary>The account is disabled or gone, its mailbox is another one, or the password that was used is changed or revoked.</summary>
    Ended,

    /// <summary>The directory can't be read now: the work at hand is refused for the moment, the session goes on.</summary>
    Unknown,
}

/// <summary>
/// Looks again at the login that a session lives on: the account, its mailbox, and the very verifier that was matched. SMTP
/// asks at each MAIL, a protocol with long sessions while they last; the answer is as old as the directory's cache at most.
/// </summary>
public interface IOpenLogins
{
    ValueTask<LoginState> CheckAsync(AuthenticatedAccount account, CancellationToken cancellationToken);
}
