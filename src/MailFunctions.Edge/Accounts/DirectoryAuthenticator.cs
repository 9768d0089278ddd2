using System.Net;
using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Messages;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Telemetry;

namespace MailFunctions.Edge.Accounts;

/// <summary>Checks credentials against the directory's SCRAM verifiers, for SMTP and POP3 alike.</summary>
internal sealed partial class DirectoryAuthenticator(
    CachedDirectory directory, LoginThrottle throttle, RememberedPasswords remembered, TimeProvider time, ILogger<DirectoryAuthenticator> logger,
    AppPasswordUses? uses = null, EdgeEvents? events = null)
    : IAuthenticator, IDisposable
{
    /// <summary>Longest password looked at, in characters; the admin API takes 256 at most.</summary>
    private const int MaxPasswordLength = 1024;

    // Derivations are pure CPU: as many at once as there are cores, the others wait their turn.
    private readonly SemaphoreSlim _derivations = new(Environment.ProcessorCount);
    private readonly byte[] _decoyKey = RandomNumberGenerator.GetBytes(32);

    public async ValueTask<AuthenticationResult> CheckPasswordAsync(string login, string password, IPAddress client, CancellationToken cancellationToken)
    {
        var name = NameOf(login);
        if (await EnterAsync(client, name, cancellationToken) is { } refused)
        {
            return refused;
        }

        var prepared = password.Length <= MaxPasswordLength ? SaslPrep.Prepare(password) : null;
        AccountEntry? account;
        Matching matching;
        try
        {
            account = await FindAsync(login, cancellationToken);
            matching = prepared is null ? default : await MatchAsync(account, prepared, client, name, cancellationToken);
            // The cache may be behind a password that was just changed: only a fresh entry refuses.
            if (matching is { Verifier: null, Throttled: null } && prepared is not null && account is not null
                && await directory.FindFreshEntryAsync(account.Address, cancellationToken) is AccountEntry fresh && fresh.ETag != account.ETag)
            {
                account = fresh;
                matching = await MatchAsync(account, prepared, client, name, cancellationToken);
            }
        }
        catch (StoreUnavailableException)
        {
            events?.LoginChecked("unavailable");
            return new AuthenticationResult.Unavailable();
        }

        if (matching.Throttled is { } throttled)
        {
            return throttled;
        }

        if (matching.Verifier is { } match && account is { Enabled: true })
        {
            if (account.AppPasswords.FirstOrDefault(p => p.Verifier == match) is { } used)
            {
                uses?.Note(account.MailboxId, account.Address, used.Id);
            }

            throttle.RecordSuccess(name);
            events?.LoginChecked("succeeded");
            return new AuthenticationResult.Authenticated(Login(account, match));
        }

        throttle.RecordFailure(client, name);
        events?.LoginChecked("rejected");
        Log.LoginFailed(logger, client, account is null ? "unknown account" : account.Address.ToCanonicalString());
        return new AuthenticationResult.Rejected();
    }

    public async ValueTask<ScramLookup> FindScramAsync(string login, IPAddress client, CancellationToken cancellationToken)
    {
        if (await EnterAsync(client, NameOf(login), cancellationToken) is { } refused)
        {
            return new ScramLookup.Refused(refused);
        }

        try
        {
            // App passwords can't serve here: the salt goes out before the client shows which password it has.
            return new ScramLookup.Found(await FindAsync(login, cancellationToken) is { Enabled: true, Password: { } verifier } account
                ? new ScramCredential(Login(account, verifier), verifier)
                : new ScramCredential(null, Decoy(login)));
        }
        catch (StoreUnavailableException)
        {
            events?.LoginChecked("unavailable");
            return new ScramLookup.Refused(new AuthenticationResult.Unavailable());
        }
    }

    public AuthenticationResult.Throttled? RecordScram(string login, IPAddress client, bool succeeded)
    {
        if (CheckThrottle(client, NameOf(login)) is { } throttled)
        {
            return throttled;
        }

        events?.LoginChecked(succeeded ? "succeeded" : "rejected");
        if (succeeded)
        {
            throttle.RecordSuccess(NameOf(login));
            return null;
        }

        throttle.RecordFailure(client, NameOf(login));
        Log.LoginFailed(logger, client, "SCRAM exchange");
        return null;
    }

    public void Dispose() => _derivations.Dispose();

    /// <summary>Holds an attempt back; the refusal, when it has to come again later. After every wait others may have failed.</summary>
    private async ValueTask<AuthenticationResult.Throttled?> EnterAsync(IPAddress client, string name, CancellationToken cancellationToken)
    {
        if (CheckThrottle(client, name) is { } throttled)
        {
            return throttled;
        }

        if (throttle.DelayFor(client, name) is not { Ticks: > 0 } delay)
        {
            return null;
        }

        await Task.Delay(delay, time, cancellationToken);
        return CheckThrottle(client, name);
    }

    private AuthenticationResult.Throttled? CheckThrottle(IPAddress client, string name)
    {
        if (throttle.WaitFor(client, name) is not { Ticks: > 0 } wait)
        {
            return null;
        }

        events?.LoginChecked("throttled");
        return new AuthenticationResult.Throttled(wait);
    }

    private async ValueTask<AccountEntry?> FindAsync(string login, CancellationToken cancellationToken)
    {
        if (AddressOf(login) is not { } address
            || await directory.FindDomainAsync(address.Domain, cancellationToken) is null)
        {
            return null;
        }

        return await directory.FindEntryAsync(address, cancellationToken) as AccountEntry;
    }

    /// <summary>An account that is not there costs one derivation too, so that time tells nothing.</summary>
    private async ValueTask<Matching> MatchAsync(
        AccountEntry? account, string prepared, IPAddress client, string name, CancellationToken cancellationToken)
    {
        var verifiers = account is null ? [] : Verifiers(account).ToList();
        if (remembered.Find(verifiers, prepared) is { } known)
        {
            return new Matching(known, null);
        }

        await _derivations.WaitAsync(cancellationToken);
        try
        {
            return CheckThrottle(client, name) is { } throttled
                ? new Matching(null, throttled)
                : new Matching(await Task.Run(() => DeriveAndCompare(verifiers, prepared), cancellationToken), null);
        }
        finally
        {
            _derivations.Release();
        }
    }

    private ScramVerifier? DeriveAndCompare(List<ScramVerifier> verifiers, string prepared)
    {
        if (verifiers.Count == 0)
        {
            _ = Decoy("").Matches(prepared);
            return null;
        }

        if (verifiers.FirstOrDefault(v => v.Matches(prepared)) is not { } match)
        {
            return null;
        }

        remembered.Add(match, prepared);
        return match;
    }

    private static AuthenticatedAccount Login(AccountEntry account, ScramVerifier matched) =>
        new(account.Address, account.MailboxId) { ExpireAfterDays = account.ExpireAfterDays, Credential = matched.Fingerprint() };

    private static IEnumerable<ScramVerifier> Verifiers(AccountEntry account) =>
        (account.Password is { } own ? [own] : Enumerable.Empty<ScramVerifier>())
            .Concat(account.AppPasswords.Select(p => p.Verifier));

    // RFC 5802 §9 and the usual practice: an unknown name gets a salt that stays the same for this process.
    private ScramVerifier Decoy(string login)
    {
        var made = HMACSHA512.HashData(_decoyKey, Encoding.UTF8.GetBytes(NameOf(login)));
        return new ScramVerifier(made[..ScramVerifier.SaltOctets], ScramVerifier.DefaultIterations, made[^32..], made[16..48]);
    }

    private static EmailAddress? AddressOf(string login) => EmailAddress.Parse(SaslPrep.Prepare(login));

    /// <summary>What failures are counted under: one for all spellings that lead to the same account.</summary>
    private static string NameOf(string login) =>
        AddressOf(login)?.ToCanonicalString() ?? (login.Length <= 320 ? login : login[..320]).ToLowerInvariant();

    /// <summary>The verifier that matched, if any; or nothing was derived, as too many attempts failed in the meantime.</summary>
    private readonly record struct Matching(ScramVerifier? Verifier, AuthenticationResult.Throttled? Throttled);

    private static partial class Log
    {
        [LoggerMessage(1120, LogLevel.Information, "Login from {Client} refused: {Account}", EventName = "LoginFailed")]
        public static partial void LoginFailed(ILogger logger, IPAddress client, string account);
    }
}
