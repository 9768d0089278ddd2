using System.Collections.Concurrent;
using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
using MailFunctions.Edge.Admission;

namespace MailFunctions.Edge.Accounts;

/// <summary>What the check of a password came to.</summary>
internal abstract record PasswordOutcome
{
    public sealed record Matched(ScramVerifier Verifier) : PasswordOutcome;

    public sealed record Wrong : PasswordOutcome;

    /// <summary>Others failed while it waited for its turn.</summary>
    public sealed record Throttled(TimeSpan RetryAfter) : PasswordOutcome;

    /// <summary>Too many wait for their turn.</summary>
    public sealed record Busy : PasswordOutcome;
}

/// <summary>
/// Passwords against verifiers. Every failure costs one derivation, whatever the account has or is, so that the
/// time shows nothing; of one password there is one derivation at a time, and the others wait for it.
/// </summary>
/// <param name="kept">Null: what is remembered goes with this process.</param>
internal sealed class PasswordChecks(KnownPasswords known, DerivationQueue queue, LoginThrottle throttle, KeptPasswords? kept = null)
{
    /// <summary>Stands for what is not there: unknown accounts, disabled ones, those without a password.</summary>
    private static readonly ScramVerifier Absent =
        new(new byte[ScramVerifier.SaltOctets], ScramVerifier.DefaultIterations, new byte[32], new byte[32]);

    private readonly ConcurrentDictionary<(UInt128 Guess, IPAddress Client), Lazy<Task<PasswordOutcome>>> _underWay = new();
    private long _derivations;

    /// <summary>Derivations so far.</summary>
    public long Derivations => Interlocked.Read(ref _derivations);

    /// <summary>What is found without a derivation: an app password by its id, a remembered password; else null.</summary>
    public ScramVerifier? FindKnown(AccountEntry? account, string prepared)
    {
        if (account is not { Enabled: true })
        {
            return null;
        }

        return GeneratedPassword.IdOf(prepared) is { } id
            && account.AppPasswords.FirstOrDefault(p => p.Id == id && GeneratedPassword.IsCheap(p.Verifier)) is { } app
            && app.Verifier.Matches(prepared)
            ? app.Verifier
            : ToDerive(account, prepared).Find(v => known.IsRight(v, prepared));
    }

    /// <summary>Whether no further password of this account is let in before others have had their turn.</summary>
    public bool IsBusyWith(IPAddress client, string name) => queue.IsBusyWith(throttle.SubjectOf(client, name));

    /// <summary>Derives where it has to, and counts a failure.</summary>
    /// <param name="account">Null: there is none of that name.</param>
    public async ValueTask<PasswordOutcome> CheckAsync(
        AccountEntry? account, string name, string prepared, IPAddress client, CancellationToken cancellationToken)
    {
        var guess = known.GuessOf(name, account?.ETag ?? "", prepared);
        if (known.IsWrong(guess))
        {
            return new PasswordOutcome.Wrong(); // the same wrong password again is no other guess
        }

        var key = (guess, ClientKey.For(client));
        var check = _underWay.GetOrAdd(key, new Lazy<Task<PasswordOutcome>>(() => RunAsync(key, account, name, prepared, client)));
        return await check.Value.WaitAsync(cancellationToken);
    }

    private async Task<PasswordOutcome> RunAsync(
        (UInt128 Guess, IPAddress Client) key, AccountEntry? account, string name, string prepared, IPAddress client)
    {
        var subject = throttle.SubjectOf(client, name);
        var reserved = queue.TryReserve(subject);
        try
        {
            if (!reserved)
            {
                return new PasswordOutcome.Busy();
            }

            if (throttle.WaitFor(client, name) is { Ticks: > 0 } wait)
            {
                return new PasswordOutcome.Throttled(wait);
            }

            // Asked for unknown accounts as well, so that the time shows nothing; nothing of them is ever kept.
            if (kept is not null && await kept.FindAsync(ToDerive(account, prepared), prepared, CancellationToken.None) is { } match)
            {
                known.AddRight(match, prepared);
                return new PasswordOutcome.Matched(match);
            }

            var turn = queue.TryRun(client, subject, () => Check(key.Guess, account, name, prepared, client));
            return turn is null ? new PasswordOutcome.Busy() : await turn;
        }
        finally
        {
            if (reserved)
            {
                queue.Release(subject);
            }

            _underWay.TryRemove(key, out _);
        }
    }

    private PasswordOutcome Check(UInt128 guess, AccountEntry? account, string name, string prepared, IPAddress client)
    {
        // By now another client's check may have answered it, or others may have failed.
        if (FindKnown(account, prepared) is { } remembered)
        {
            return new PasswordOutcome.Matched(remembered);
        }

        if (known.IsWrong(guess))
        {
            return new PasswordOutcome.Wrong();
        }

        if (throttle.WaitFor(client, name) is { Ticks: > 0 } wait)
        {
            return new PasswordOutcome.Throttled(wait);
        }

        if (Derive(account, prepared) is { } match)
        {
            known.AddRight(match, prepared);
            kept?.Add(match, prepared);
            return new PasswordOutcome.Matched(match);
        }

        known.AddWrong(guess);
        throttle.RecordFailure(client, name);
        return new PasswordOutcome.Wrong();
    }

    private ScramVerifier? Derive(AccountEntry? account, string prepared)
    {
        foreach (var verifier in ToDerive(account, prepared))
        {
            Interlocked.Increment(ref _derivations);
            if (verifier.Matches(prepared) && !ReferenceEquals(verifier, Absent))
            {
                return verifier;
            }
        }

        return null;
    }

    /// <summary>
    /// The account's own, and those app passwords of the old form that this one may be; one that nothing matches where there is none.
    /// </summary>
    private static List<ScramVerifier> ToDerive(AccountEntry? account, string prepared)
    {
        var verifiers = new List<ScramVerifier>();
        if (account is { Enabled: true, Password: { } own })
        {
            verifiers.Add(own);
        }

        if (account is { Enabled: true } && GeneratedPassword.HasOldForm(prepared))
        {
            verifiers.AddRange(account.AppPasswords.Select(p => p.Verifier).Where(v => !GeneratedPassword.IsCheap(v)));
        }

        return verifiers.Count > 0 ? verifiers : [Absent];
    }
}
