using MailFunctions.Core.Accounts;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Protocols.Sasl;

/// <summary>The login of a long session, which may ask at every command: it is checked again once in <see cref="Every"/>.</summary>
internal sealed class OpenLogin(AuthenticatedAccount account, IOpenLogins logins, TimeProvider time)
{
    /// <summary>With the age that the directory's cache may have, the longest that a login outlives its account.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private long _checkedAt = time.GetTimestamp();

    public ValueTask<LoginState> CheckAsync(CancellationToken cancellationToken) =>
        time.GetElapsedTime(_checkedAt) < Every ? ValueTask.FromResult(LoginState.Valid) : CheckNowAsync(cancellationToken);

    private async ValueTask<LoginState> CheckNowAsync(CancellationToken cancellationToken)
    {
        var state = await logins.CheckAsync(account, cancellationToken);
        if (state == LoginState.Valid)
        {
            _checkedAt = time.GetTimestamp();
        }

        return state;
    }
}
