using System.Net;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Telemetry;

namespace MailFunctions.Edge.Accounts;

/// <summary>Counts each check of credentials by its result, for `mail.logins`.</summary>
internal sealed class CountedLogins(IAuthenticator authenticator, EdgeEvents events) : IAuthenticator
{
    public async ValueTask<AuthenticationResult> CheckPasswordAsync(
        string login, string password, IPAddress client, CancellationToken cancellationToken)
    {
        var result = await authenticator.CheckPasswordAsync(login, password, client, cancellationToken);
        events.LoginChecked(NameOf(result));
        return result;
    }

    public async ValueTask<ScramLookup> FindScramAsync(string login, IPAddress client, CancellationToken cancellationToken)
    {
        var lookup = await authenticator.FindScramAsync(login, client, cancellationToken);
        if (lookup is ScramLookup.Refused refused)
        {
            events.LoginChecked(NameOf(refused.Why));
        }

        return lookup;
    }

    public AuthenticationResult.Throttled? RecordScram(string login, IPAddress client, bool succeeded)
    {
        var throttled = authenticator.RecordScram(login, client, succeeded);
        events.LoginChecked(throttled is not null ? NameOf(throttled) : succeeded ? "succeeded" : "rejected");
        return throttled;
    }

    private static string NameOf(AuthenticationResult result) => result switch
    {
        AuthenticationResult.Authenticated => "succeeded",
        AuthenticationResult.Rejected => "rejected",
        AuthenticationResult.Throttled => "throttled",
        AuthenticationResult.Unavailable { IsBusy: true } => "busy",
        _ => "unavailable",
    };
}
