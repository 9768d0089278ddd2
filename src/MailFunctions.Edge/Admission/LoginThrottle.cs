using System.Net;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Admission;

/// <summary>
/// Slows password guessing, for SMTP and POP3 together: each failure from one client, or for one account, holds the next
/// attempt back for longer; after a few, attempts are refused outright for a time that doubles. Memory is bounded: the
/// oldest counts go first.
/// </summary>
internal sealed class LoginThrottle(IOptions<LoginOptions> options, TimeProvider time) : IDisposable
{
    /// <summary>For so long after a failure the next attempt is held back: others behind the same address are not for longer.</summary>
    public static readonly TimeSpan HoldsBackFor = TimeSpan.FromMinutes(1);

    private readonly LoginOptions _options = options.Value;
    private readonly MemoryCache _failures = new(new MemoryCacheOptions { SizeLimit = options.Value.MaxTrackedFailures, Clock = new CacheClock(time) });

    /// <summary>Clients and accounts counted now.</summary>
    public int Tracked => _failures.Count;

    /// <summary>How long to wait before credentials are checked again; zero: check them.</summary>
    public TimeSpan WaitFor(IPAddress client, string login)
    {
        var now = time.GetUtcNow();
        var wait = Max(Remaining(ClientKey.For(client), now), Remaining(login, now));
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    /// <summary>For how long to hold back an attempt that is let through: it grows with the failures so far.</summary>
    public TimeSpan DelayFor(IPAddress client, string login)
    {
        var now = time.GetUtcNow();
        var failures = Math.Max(Recent(ClientKey.For(client), now), Recent(login, now));
        return failures == 0
            ? TimeSpan.Zero
            : Min(_options.FailureDelay * Math.Pow(2, Math.Min(failures, 20) - 1), LoginOptions.LongestFailureDelay);
    }

    public void RecordFailure(IPAddress client, string login)
    {
        Count(ClientKey.For(client), _options.FreeFailuresPerClient);
        Count(login, _options.FreeFailuresPerAccount);
    }

    /// <summary>Forgets the account's failures. The client's stay: one good login does not buy guesses at other accounts.</summary>
    public void RecordSuccess(string login) => _failures.Remove(login);

    public void Dispose() => _failures.Dispose();

    private int Recent(object key, DateTimeOffset now) =>
        _failures.TryGetValue(key, out Failures? f) && now - f!.LastAt < HoldsBackFor ? f.Count : 0;

    private TimeSpan Remaining(object key, DateTimeOffset now) =>
        _failures.TryGetValue(key, out Failures? f) ? f!.NextAt - now : TimeSpan.Zero;

    private void Count(object key, int free)
    {
        var now = time.GetUtcNow();
        lock (_failures)
        {
            // A full cache would refuse the new count: a flood of made-up names must not hide those that follow.
            if (_failures.Count >= _options.MaxTrackedFailures)
            {
                _failures.Compact(0.1);
            }

            var count = (_failures.TryGetValue(key, out Failures? f) ? f!.Count : 0) + 1;
            var steps = Math.Min(count - free, 20);
            var delay = steps <= 0 ? TimeSpan.Zero : Min(TimeSpan.FromSeconds(Math.Pow(2, steps - 1)), _options.MaxDelay);
            _failures.Set(key, new Failures(count, now, now + delay), new MemoryCacheEntryOptions
            {
                Size = 1,
                AbsoluteExpirationRelativeToNow = _options.ForgetFailuresAfter, // to be asked about keeps no count alive
            });
        }
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private sealed record Failures(int Count, DateTimeOffset LastAt, DateTimeOffset NextAt);
}
