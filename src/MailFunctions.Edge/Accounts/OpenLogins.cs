using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Edge.Accounts;

/// <summary>Logins of open sessions, looked at again in the directory, which is as old as its cache at most.</summary>
internal sealed class OpenLogins(CachedDirectory directory) : IOpenLogins
{
    public async ValueTask<LoginState> CheckAsync(AuthenticatedAccount account, CancellationToken cancellationToken)
    {
        try
        {
            return await directory.FindDomainAsync(account.Address.Domain, cancellationToken) is not null
                && await directory.FindEntryAsync(account.Address, cancellationToken) is AccountEntry { Enabled: true } now
                && now.MailboxId == account.MailboxId
                && Verifiers(now).Any(v => v.Fingerprint() == account.Credential)
                ? LoginState.Valid
                : LoginState.Ended;
        }
        catch (StoreUnavailableException)
        {
            return LoginState.Unknown;
        }
    }

    private static IEnumerable<ScramVerifier> Verifiers(AccountEntry account) =>
        account.AppPasswords.Select(p => p.Verifier).Concat(account.Password is { } own ? [own] : []);
}
