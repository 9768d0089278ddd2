using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Admission;

namespace MailFunctions.Edge.Accounts;

/// <summary>Checks credentials against the directory's verifiers, for SMTP and POP3 alike.</summary>
internal sealed partial class DirectoryAuthenticator(
    CachedDirectory directory, LoginThrottle throttle, PasswordChecks checks, DecoyVerifiers decoys, TimeProvider time,
    ILogger<DirectoryAuthenticator> logger, AppPasswordUses? uses = null)
    : IAuthenticator
{
    /// <summary>
    /// A wrong password that has the form of an app password from before is answered after this, for any account: how long
    /// the check takes depends on how many of them an account has.
    /// </summary>
    public static readonly TimeSpan OldFormAnswer = TimeSpan.FromSeconds(10);

    private static readonly AuthenticationResult.Unavailable Later = new() { IsBusy = true };

    public async ValueTask<AuthenticationResult> CheckPasswordAsync(
        string login, string password, IPAddress client, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var name = NameOf(login);
        var throttled = Throttled(client, name);
        var looksOnly = throttled is not null || checks.IsBusyWith(client, name);
        if (looksOnly && !throttle.TakeLook(client, name))
        {
            return (AuthenticationResult?)throttled ?? Later;
        }

        if (password.Length > PasswordLimits.MaxOctets || SaslPrep.Prepare(password) is not { } prepared)
        {
            throttle.RecordLook(client, name);
            return Rejected(client, null); // whatever the account is
        }

        try
        {
            var account = await FindAsync(login, fresh: false, cancellationToken);
            if (checks.FindKnown(account, prepared) is { } known)
            {
                return Succeeded(account!, known, client, name);
            }

            if (looksOnly)
            {
                throttle.RecordLook(client, name);
                return (AuthenticationResult?)throttled ?? Later;
            }

            if (await HoldBackAsync(client, name, cancellationToken) is { } later)
            {
                return later;
            }

            // The cache may be behind a password that was just changed: only a fresh entry refuses.
            account = await FindAsync(login, fresh: true, cancellationToken);
            switch (checks.FindKnown(account, prepared) is { } fresh
                ? new PasswordOutcome.Matched(fresh)
                : await checks.CheckAsync(account, name, prepared, client, cancellationToken))
            {
                case PasswordOutcome.Matched matched:
                    return Succeeded(account!, matched.Verifier, client, name);
                case PasswordOutcome.Throttled refused:
                    return new AuthenticationResult.Throttled(refused.RetryAfter);
                case PasswordOutcome.Busy:
                    return Later;
            }

            if (GeneratedPassword.HasOldForm(prepared) && OldFormAnswer - time.GetElapsedTime(began) is { Ticks: > 0 } early)
            {
                await Task.Delay(early, time, cancellationToken);
            }

            return Rejected(client, account);
        }
        catch (StoreUnavailableException)
        {
            return new AuthenticationResult.Unavailable();
        }
    }

    public async ValueTask<ScramLookup> FindScramAsync(string login, IPAddress client, CancellationToken cancellationToken)
    {
        var name = NameOf(login);
        if ((Throttled(client, name) ?? await HoldBackAsync(client, name, cancellationToken)) is { } refused)
        {
            return new ScramLookup.Refused(refused);
        }

        try
        {
            // Made for every name, so that neither the time nor an outage shows which one needs it.
            var decoy = await decoys.ForAsync(name, cancellationToken);
            // App passwords can't serve here: the salt goes out before the client shows which password it has.
            return new ScramLookup.Found(await FindAsync(login, fresh: false, cancellationToken) is { Password: { } verifier } account
                ? new ScramCredential(account.Enabled ? Login(account, verifier) : null, verifier)
                : new ScramCredential(null, decoy));
        }
        catch (StoreUnavailableException)
        {
            return new ScramLookup.Refused(new AuthenticationResult.Unavailable());
        }
    }

    public AuthenticationResult.Throttled? RecordScram(string login, IPAddress client, bool succeeded)
    {
        var name = NameOf(login);
        if (Throttled(client, name) is { } throttled)
        {
            return throttled;
        }

        if (succeeded)
        {
            throttle.RecordSuccess(client, name);
            return null;
        }

        throttle.RecordFailure(client, name);
        if (AddressOf(login) is { } address)
        {
            directory.Forget(address); // the cache may be behind a password that was just changed
        }

        Log.LoginFailed(logger, client, "SCRAM exchange");
        return null;
    }

    private AuthenticationResult.Authenticated Succeeded(AccountEntry account, ScramVerifier match, IPAddress client, string name)
    {
        if (account.AppPasswords.FirstOrDefault(p => p.Verifier.Fingerprint() == match.Fingerprint()) is { } used)
        {
            uses?.Note(account.MailboxId, account.Address, used.Id);
        }

        throttle.RecordSuccess(client, name);
        return new AuthenticationResult.Authenticated(Login(account, match));
    }

    private AuthenticationResult.Rejected Rejected(IPAddress client, AccountEntry? account)
    {
        Log.LoginFailed(logger, client, account is null ? "unknown account" : account.Address.ToCanonicalString());
        return new AuthenticationResult.Rejected();
    }

    /// <summary>Holds an attempt back; the refusal, when it has to come again later: after every wait others may have failed.</summary>
    private async ValueTask<AuthenticationResult.Throttled?> HoldBackAsync(
        IPAddress client, string name, CancellationToken cancellationToken)
    {
        if (throttle.DelayFor(client, name) is not { Ticks: > 0 } delay)
        {
            return null;
        }

        await Task.Delay(delay, time, cancellationToken);
        return Throttled(client, name);
    }

    private AuthenticationResult.Throttled? Throttled(IPAddress client, string name) =>
        throttle.WaitFor(client, name) is { Ticks: > 0 } wait ? new AuthenticationResult.Throttled(wait) : null;

    private async ValueTask<AccountEntry?> FindAsync(string login, bool fresh, CancellationToken cancellationToken)
    {
        if (AddressOf(login) is not { } address
            || await directory.FindDomainAsync(address.Domain, cancellationToken) is null)
        {
            return null;
        }

        return await (fresh
            ? directory.FindFreshEntryAsync(address, cancellationToken)
            : directory.FindEntryAsync(address, cancellationToken)) as AccountEntry;
    }

    private static AuthenticatedAccount Login(AccountEntry account, ScramVerifier matched) =>
        new(account.Address, account.MailboxId) { ExpireAfterDays = account.ExpireAfterDays, Credential = matched.Fingerprint() };

    private static EmailAddress? AddressOf(string login) => EmailAddress.Parse(SaslPrep.Prepare(login));

    /// <summary>What failures are counted under: one for all spellings that lead to the same account.</summary>
    private static string NameOf(string login) =>
        AddressOf(login)?.ToCanonicalString() ?? (login.Length <= 320 ? login : login[..320]).ToLowerInvariant();

    private static partial class Log
    {
        [LoggerMessage(1120, LogLevel.Information, "Login from {Client} refused: {Account}", EventName = "LoginFailed")]
        public static partial void LoginFailed(ILogger logger, IPAddress client, string account);
    }
}
