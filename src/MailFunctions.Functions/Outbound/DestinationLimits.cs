using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;

namespace MailFunctions.Functions.Outbound;

/// <summary>
/// How much goes to one destination, from this process: jobs at once, jobs a minute, and nothing for a while when it asks
/// for less. A destination is a fixed host where a route names one, else the domain; 421 backs off the host, 4.7.x the domain.
/// </summary>
internal sealed class DestinationLimits(RelayOptions options, TimeProvider time, Random random)
{
    /// <summary>Destinations that are remembered at once.</summary>
    public const int MaxDestinations = 10_000;

    /// <summary>The first back-off; each further one is twice as long, until a recipient is accepted.</summary>
    public static readonly TimeSpan FirstBackOff = TimeSpan.FromMinutes(1);
    public static readonly TimeSpan LongestBackOff = TimeSpan.FromMinutes(30);

    /// <summary>Shorter than <see cref="OverdueJobs.Patience"/>.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, State> _states = [];

    /// <summary>Destinations remembered now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _states.Count;
            }
        }
    }

    /// <param name="isLast">The job's time is over: its last attempt is made, back-off or not.</param>
    public Permit Enter(string domain, bool isLast)
    {
        var destination = options.Routes.FirstOrDefault(r => r.Matches(domain)) is { } route ? route.Host.ToString() : domain;
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var state = Find(destination, now);
            var own = Find(domain, now);
            var slower = own.BackOffUntil > state.BackOffUntil ? own : state;
            if (slower.BackOffUntil > now && !isLast)
            {
                return new Permit.BackingOff(slower.BackOffUntil + (slower.BackOffLength * 0.2 * random.NextDouble()));
            }

            // After a back-off one job goes first, and the others wait for its result.
            var atOnce = slower.BackOffLength > TimeSpan.Zero ? 1 : options.MaxConnections;
            if (state.Active >= atOnce)
            {
                return Refuse(state, now, Pause, Pause / atOnce);
            }

            if (options.MessagesPerMinute > 0)
            {
                // A bucket that holds what ten seconds bring, one message at least.
                var interval = TimeSpan.FromMinutes(1) / options.MessagesPerMinute;
                var earliest = state.NextMessage - (interval * Math.Max(0, (options.MessagesPerMinute / 6) - 1));
                if (earliest > now)
                {
                    return Refuse(state, now, earliest - now, interval);
                }

                state.NextMessage = (state.NextMessage > now ? state.NextMessage : now) + interval;
            }

            state.Active++;
            state.Refused = Math.Max(0, state.Refused - 1);
            return new Permit.Granted(destination, domain, state.BackOffs + (own == state ? 0 : own.BackOffs));
        }
    }

    /// <param name="results">The attempt's results; none when it was not made.</param>
    public void Leave(Permit.Granted permit, IReadOnlyList<RecipientResult> results)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var (state, own) = (Find(permit.Destination, now), Find(permit.Domain, now));
            state.Active = Math.Max(0, state.Active - 1);
            if (results.Any(r => r.Kind == ResultKind.Relayed))
            {
                state.BackOffLength = own.BackOffLength = TimeSpan.Zero;
                state.BackOffUntil = own.BackOffUntil = DateTimeOffset.MinValue;
            }
            else if (permit.BackOffs == state.BackOffs + (own == state ? 0 : own.BackOffs)) // once for all attempts that were under way
            {
                if (results.Any(r => IsFromPeer(r) && r.Reply.StartsWith("421", StringComparison.Ordinal)))
                {
                    BackOff(state, now);
                }
                else if (results.Any(r => IsFromPeer(r) && r.Status.StartsWith("4.7.", StringComparison.Ordinal)))
                {
                    BackOff(own, now);
                }
            }
        }
    }

    private static bool IsFromPeer(RecipientResult result) => result is { Kind: ResultKind.Deferred, RemoteHost: not null };

    private static void BackOff(State state, DateTimeOffset now)
    {
        var doubled = state.BackOffLength * 2 < LongestBackOff ? state.BackOffLength * 2 : LongestBackOff;
        state.BackOffLength = state.BackOffLength == TimeSpan.Zero ? FirstBackOff : doubled;
        state.BackOffUntil = now + state.BackOffLength;
        state.BackOffs++;
    }

    /// <summary>Each refused job waits a little longer than the one before, so that they don't all return at once.</summary>
    private Permit.Throttled Refuse(State state, DateTimeOffset now, TimeSpan first, TimeSpan each)
    {
        var wait = first + (each * (state.Refused + random.NextDouble()));
        state.Refused++;
        return new Permit.Throttled(now + (wait < LongestWait ? wait : LongestWait));
    }

    private State Find(string destination, DateTimeOffset now)
    {
        if (_states.TryGetValue(destination, out var state))
        {
            return state;
        }

        if (_states.Count >= MaxDestinations)
        {
            Forget(s => s.Active == 0 && s.BackOffUntil <= now);
            if (_states.Count >= MaxDestinations)
            {
                Forget(s => s.Active == 0); // a back-off that is cut short does no harm
            }
        }

        return _states[destination] = new State();
    }

    private void Forget(Predicate<State> idle)
    {
        foreach (var (destination, _) in _states.Where(s => idle(s.Value)).ToList())
        {
            _states.Remove(destination);
        }
    }

    private sealed class State
    {
        public int Active { get; set; }

        /// <summary>Refused since the limit was reached.</summary>
        public int Refused { get; set; }
        public DateTimeOffset NextMessage { get; set; } = DateTimeOffset.UnixEpoch;
        public DateTimeOffset BackOffUntil { get; set; }

        /// <summary>Zero after a success.</summary>
        public TimeSpan BackOffLength { get; set; }

        /// <summary>Back-offs so far.</summary>
        public int BackOffs { get; set; }
    }
}
