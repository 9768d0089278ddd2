using System.Collections.Concurrent;
using System.Net;
using System.Threading.RateLimiting;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Admission;

/// <summary>How many sessions there may be: in all, and from one client; and how many may begin in a second.</summary>
internal sealed class ConnectionLimits(IOptions<EdgeOptions> options) : IDisposable
{
    private const int PeriodsPerSecond = 10;

    // Each may cost a TLS handshake before its client has shown who it is: what begins in a second bounds their processor time.
    private readonly TokenBucketRateLimiter? _beginnings = options.Value.MaxNewConnectionsPerSecond is > 0 and var most
        ? new TokenBucketRateLimiter(new TokenBucketRateLimiterOptions
        {
            TokenLimit = most,
            TokensPerPeriod = Math.Max(1, most / PeriodsPerSecond),
            ReplenishmentPeriod = TimeSpan.FromSeconds(Math.Max(1, most / PeriodsPerSecond) / (double)most),
            QueueLimit = 0,
        })
        : null;

    private readonly ConcurrentDictionary<IPAddress, int> _perClient = new();
    private int _all;
    private int _refusals;

    /// <summary>Connections that are refused with a reply at once; further ones are cut off without one.</summary>
    public const int MaxRefusals = 100;

    /// <summary>Sessions open now.</summary>
    public int Open => Volatile.Read(ref _all);

    /// <summary>Takes a place, or says which cap is reached. Every place taken is given back by <see cref="Leave"/>.</summary>
    public ConnectionAdmission TryEnter(IPAddress client)
    {
        using var began = _beginnings?.AttemptAcquire();
        if (began is { IsAcquired: false })
        {
            return ConnectionAdmission.ServerFull;
        }

        if (Interlocked.Increment(ref _all) > options.Value.MaxConnections)
        {
            Interlocked.Decrement(ref _all);
            return ConnectionAdmission.ServerFull;
        }

        if (_perClient.AddOrUpdate(ClientKey.For(client), 1, static (_, n) => n + 1) > options.Value.MaxConnectionsPerClient)
        {
            Leave(client);
            return ConnectionAdmission.ClientFull;
        }

        return ConnectionAdmission.Admitted;
    }

    /// <summary>A place for refusing a client with a reply; given back by <see cref="LeaveRefusal"/>.</summary>
    public bool TryEnterRefusal()
    {
        if (Interlocked.Increment(ref _refusals) <= MaxRefusals)
        {
            return true;
        }

        LeaveRefusal();
        return false;
    }

    public void Dispose() => _beginnings?.Dispose();

    public void LeaveRefusal() => Interlocked.Decrement(ref _refusals);

    public void Leave(IPAddress client)
    {
        Interlocked.Decrement(ref _all);
        var key = ClientKey.For(client);
        while (_perClient.TryGetValue(key, out var n))
        {
            if (n > 1 ? _perClient.TryUpdate(key, n - 1, n) : _perClient.TryRemove(KeyValuePair.Create(key, n)))
            {
                return;
            }
        }
    }
}
