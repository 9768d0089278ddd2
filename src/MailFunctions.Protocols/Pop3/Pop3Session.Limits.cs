using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;

namespace MailFunctions.Protocols.Pop3;

public sealed partial class Pop3Session
{
    private readonly long _began = services.Time.GetTimestamp();

    /// <summary>Whether the session may run this command: its time is bounded, and its login has to be valid still.</summary>
    private async ValueTask<bool> MayGoOnAsync(Pop3CommandRule rule, CancellationToken abort)
    {
        // QUIT ends the session anyway, and what the client has fetched and marked is to go.
        var quits = rule.Verb == "QUIT";
        if (!quits && services.Time.GetElapsedTime(_began) > listener.SessionTime)
        {
            End(SessionEnd.TimedOut, "-ERR [SYS/TEMP] This session has lasted too long: nothing was deleted, log in again");
            return false;
        }

        switch (_login is null ? LoginState.Valid : await _login.CheckAsync(abort))
        {
            case LoginState.Ended:
                End(SessionEnd.LoginEnded, "-ERR [AUTH] The account or its password has changed: nothing was deleted, log in again");
                return false;
            case LoginState.Unknown when !quits:
                Fail("-ERR [SYS/TEMP] The account can't be looked at now: try again later");
                return false;
            default:
                return true;
        }
    }
}
