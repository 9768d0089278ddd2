using System.Net;

namespace MailFunctions.Core.Sessions;

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
