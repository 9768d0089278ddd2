using System.Collections.Concurrent;
using MailFunctions.Azure.Hosting;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound.Tls;

/// <summary>Counts the results of TLS in sessions.</summary>
internal interface ITlsResults
{
    /// <param name="policy">One of <see cref="TlsPolicyType"/>.</param>
    /// <param name="result">One of <see cref="TlsResultType"/>.</param>
    void Count(string domain, string policy, string result);
}

/// <summary>
/// RFC 8460 §4, by day and domain: counted in memory and written once a minute, so that no attempt waits for it. A process
/// that is killed takes its last minute with it. Beyond <see cref="MaxCounts"/> domains are counted as one, `*`.
/// </summary>
internal sealed class TlsResults(ITlsCountStore store, TimeProvider time) : WriteBehind(TimeSpan.FromMinutes(1), time), ITlsResults
{
    public const int MaxCounts = 20_000;
    public const string Others = "*";

    private readonly string _instance = NewInstance();
    private readonly ConcurrentDictionary<(DateOnly Day, string Domain, string Policy, string Result), Number> _counts = new();

    public void Count(string domain, string policy, string result)
    {
        var day = DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime);
        if (!_counts.TryGetValue((day, domain, policy, result), out var number))
        {
            number = _counts.GetOrAdd((day, _counts.Count < MaxCounts ? domain : Others, policy, result), _ => new Number());
        }

        Interlocked.Increment(ref number.Value);
    }

    /// <summary>Writes what has changed, and removes past days.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        var today = DateOnly.FromDateTime(Time.GetUtcNow().UtcDateTime);
        var changed = _counts.Select(c => (c.Key, Count: c.Value, Value: Interlocked.Read(ref c.Value.Value)))
            .Where(c => c.Value != c.Count.Written).ToList();
        try
        {
            var counts = changed.Select(c => new TlsCount(c.Key.Day, c.Key.Domain, c.Key.Policy, c.Key.Result, c.Value));
            await store.WriteAsync(_instance, [.. counts], cancellationToken);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            return; // the next write has it
        }

        foreach (var (key, count, value) in changed)
        {
            count.Written = value;
        }

        foreach (var (key, _) in _counts.Where(c => c.Key.Day < today && c.Value.Written == Interlocked.Read(ref c.Value.Value)))
        {
            _counts.TryRemove(key, out _);
        }
    }

    protected override Task FlushAsync(CancellationToken cancellationToken) => WriteAsync(cancellationToken);

    private sealed class Number
    {
        public long Value;

        public long Written { get; set; }
    }
}
