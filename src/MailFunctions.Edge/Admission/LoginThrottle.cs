using System.Net;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Admission;

/// <summary>
/// Slows password guessing, for SMTP and POP3 together: each failure from one client, or for one account, holds the next
/// attempt back for longer; after a few, attempts are refused outright for a time that doubles. A client that logged in to
/// an account lately is counted for that account alone, so that guesses from elsewhere do not lock its owner out. Memory is
/// bounded: the oldest counts go first.
/// </summary>
internal sealed class LoginThrottle(IOptions<LoginOptions> options, TimeProvider time) : IDisposable
{
    /// <summary>For so long after a failure the next attempt is held back: others behind the same address are not for longer.</summary>
    public static readonly TimeSpan HoldsBackFor = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Attempts in <see cref="LoginOptions.MaxDelay"/> that are compared with remembered passwords while all else is refused.
    /// </summary>
    public const int Looks = 20;

    private readonly LoginOptions _options = options.Value;
    private readonly MemoryCache _failures = Cache(options.Value.MaxTrackedFailures, time);
    private readonly MemoryCache _looks = Cache(options.Value.MaxTrackedFailures, time);
    private readonly MemoryCache _familiar = Cache(options.Value.MaxRemembered, time);

    /// <summary>Clients and accounts counted now.</summary>
    public int Tracked => _failures.Count;

    /// <summary>What an attempt is counted under.</summary>
    public LoginSubject SubjectOf(IPAddress client, string name)
    {
        var key = ClientKey.For(client);
        return new LoginSubject(name, _familiar.TryGetValue((name, key), out _) ? key : null);
    }

    /// <summary>How long to wait before credentials are checked again; zero: check them.</summary>
    public TimeSpan WaitFor(IPAddress client, string name)
    {
        var now = time.GetUtcNow();
        var subject = SubjectOf(client, name);
        var wait = Remaining(subject, now);
        if (!subject.IsFamiliar)
        {
            wait = Max(wait, Remaining(ClientKey.For(client), now));
        }

        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    /// <summary>
    /// Whether an attempt that has to wait for the account's sake may still be compared with remembered passwords; counts it.
    /// Without a bound this would be a way to guess them.
    /// </summary>
    public bool TakeLook(IPAddress client, string name)
    {
        var now = time.GetUtcNow();
        var subject = SubjectOf(client, name);
        if (!subject.IsFamiliar && Remaining(ClientKey.For(client), now) > TimeSpan.Zero)
        {
            return false;
        }

        lock (_looks)
        {
            MakeRoom(_looks);
            var taken = _looks.TryGetValue(subject, out Taken? t) ? t! : new Taken(0, now + _options.MaxDelay);
            var counted = taken with { Count = taken.Count + 1 };
            _looks.Set(subject, counted, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpiration = taken.Until });
            return taken.Count < Looks;
        }
    }

    /// <summary>For how long to hold back an attempt that is let through: it grows with the failures so far.</summary>
    public TimeSpan DelayFor(IPAddress client, string name)
    {
        var now = time.GetUtcNow();
        var subject = SubjectOf(client, name);
        var failures = Recent(subject, now);
        if (!subject.IsFamiliar)
        {
            failures = Math.Max(failures, Recent(ClientKey.For(client), now));
        }

        return failures == 0
            ? TimeSpan.Zero
            : Min(_options.FailureDelay * Math.Pow(2, Math.Min(failures, 20) - 1), LoginOptions.LongestFailureDelay);
    }

    public void RecordFailure(IPAddress client, string name)
    {
        var subject = SubjectOf(client, name);
        Count(subject, _options.FreeFailuresPerAccount);
        if (!subject.IsFamiliar)
        {
            Count(ClientKey.For(client), _options.FreeFailuresPerClient);
        }
    }

    /// <summary>Counts for the client alone an attempt that was only compared with remembered passwords.</summary>
    public void RecordLook(IPAddress client, string name)
    {
        if (!SubjectOf(client, name).IsFamiliar)
        {
            Count(ClientKey.For(client), _options.FreeFailuresPerClient);
        }
    }

    /// <summary>
    /// The client is familiar to the account from now on, and its own failures there are forgotten. Those of others stay: an
    /// owner's polls buy no guesses, and one good login none at other accounts.
    /// </summary>
    public void RecordSuccess(IPAddress client, string name)
    {
        var key = ClientKey.For(client);
        MakeRoom(_familiar);
        _familiar.Set((name, key), true, new MemoryCacheEntryOptions
        {
            Size = 1,
            AbsoluteExpirationRelativeToNow = _options.RememberFor, // attempts that fail keep no client familiar
        });
        _failures.Remove(new LoginSubject(name, key));
    }

    public void Dispose()
    {
        _failures.Dispose();
        _looks.Dispose();
        _familiar.Dispose();
    }

    private int Recent(object key, DateTimeOffset now) =>
        _failures.TryGetValue(key, out Failures? f) && now - f!.LastAt < HoldsBackFor ? f.Count : 0;

    private TimeSpan Remaining(object key, DateTimeOffset now) =>
        _failures.TryGetValue(key, out Failures? f) ? f!.NextAt - now : TimeSpan.Zero;

    private void Count(object key, int free)
    {
        var now = time.GetUtcNow();
        lock (_failures)
        {
            MakeRoom(_failures);
            var count = (_failures.TryGetValue(key, out Failures? f) ? f!.Count : 0) + 1;
            var steps = Math.Min(count - free, 20);
            var delay = steps <= 0 ? TimeSpan.Zero : Min(TimeSpan.FromSeconds(Math.Pow(2, steps - 1)), _options.MaxDelay);
            _failures.Set(key, new Failures(count, now, now + delay), new MemoryCacheEntryOptions
            {
                Size = 1,
                AbsoluteExpirationRelativeToNow = _options.ForgetFailuresAfter, // reads do not extend it
            });
        }
    }

    private static MemoryCache Cache(int entries, TimeProvider time) =>
        new(new MemoryCacheOptions { SizeLimit = entries, Clock = new CacheClock(time) });

    /// <summary>A full cache would refuse the new entry: a flood of made-up names must not hide those that follow.</summary>
    private void MakeRoom(MemoryCache cache)
    {
        if (cache.Count >= (ReferenceEquals(cache, _familiar) ? _options.MaxRemembered : _options.MaxTrackedFailures))
        {
            cache.Compact(0.1);
        }
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private sealed record Failures(int Count, DateTimeOffset LastAt, DateTimeOffset NextAt);

    private sealed record Taken(int Count, DateTimeOffset Until);
}

/// <summary>
/// What an attempt is counted under: the account's name, for all clients that it does not know, or with one that it does.
/// </summary>
/// <param name="Client">Null: any other client.</param>
internal sealed record LoginSubject(string Name, IPAddress? Client)
{
    public bool IsFamiliar => Client is not null;
}
