using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound;

/// <summary>Whether a job may go to its destination now.</summary>
internal abstract record Admission
{
    /// <summary>It may, until <see cref="DestinationLimits.Leave"/>.</summary>
    public sealed record Entered(string Destination, string Domain, int Rests) : Admission;

    /// <summary>Others are at it, or enough went there for this minute.</summary>
    public sealed record Wait(DateTimeOffset Until) : Admission;

    /// <summary>The destination asked for less and is left alone.</summary>
    public sealed record Rest(DateTimeOffset Until) : Admission;
}

/// <summary>
/// How much goes to one destination, from this process: jobs at once, jobs a minute, and nothing for a while when it asks
/// for less. A destination is a fixed host where a route names one, else the domain; 421 rests the host, 4.7.x the domain.
/// </summary>
internal sealed class DestinationLimits(RelayOptions options, TimeProvider time, Random random)
{
    /// <summary>Destinations that are remembered at once.</summary>
    public const int MaxDestinations = 10_000;

    /// <summary>The first rest; each further one is twice as long, until something is taken.</summary>
    public static readonly TimeSpan FirstRest = TimeSpan.FromMinutes(1);
    public static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(30);

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

    /// <param name="isLast">The job's time is over: its last attempt is made, rest or not.</param>
    public Admission Enter(string domain, bool isLast)
    {
        var destination = options.Routes.FirstOrDefault(r => r.Matches(domain)) is { } route ? route.Host.ToString() : domain;
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var state = Find(destination, now);
            var own = Find(domain, now);
            var rest = own.RestsUntil > state.RestsUntil ? own : state;
            if (rest.RestsUntil > now && !isLast)
            {
                return new Admission.Rest(rest.RestsUntil + (rest.RestLength * 0.2 * random.NextDouble()));
            }

            // After a rest one goes ahead, and the others see what it comes to.
            var atOnce = rest.RestLength > TimeSpan.Zero ? 1 : options.MaxConnections;
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
            return new Admission.Entered(destination, domain, state.Rests + (own == state ? 0 : own.Rests));
        }
    }

    /// <param name="results">What the attempt came to; none when it was not made.</param>
    public void Leave(Admission.Entered entered, IReadOnlyList<RecipientResult> results)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var (state, own) = (Find(entered.Destination, now), Find(entered.Domain, now));
            state.Active = Math.Max(0, state.Active - 1);
            if (results.Any(r => r.Kind == ResultKind.Relayed))
            {
                state.RestLength = own.RestLength = TimeSpan.Zero;
                state.RestsUntil = own.RestsUntil = DateTimeOffset.MinValue;
            }
            else if (entered.Rests == state.Rests + (own == state ? 0 : own.Rests)) // not again for those that were on their way already
            {
                if (results.Any(r => IsFromPeer(r) && r.Reply.StartsWith("421", StringComparison.Ordinal)))
                {
                    Rest(state, now);
                }
                else if (results.Any(r => IsFromPeer(r) && r.Status.StartsWith("4.7.", StringComparison.Ordinal)))
                {
                    Rest(own, now);
                }
            }
        }
    }

    private static bool IsFromPeer(RecipientResult result) => result is { Kind: ResultKind.Deferred, RemoteHost: not null };

    private static void Rest(State state, DateTimeOffset now)
    {
        state.RestLength = state.RestLength == TimeSpan.Zero ? FirstRest : state.RestLength * 2 < LongestRest ? state.RestLength * 2 : LongestRest;
        state.RestsUntil = now + state.RestLength;
        state.Rests++;
    }

    /// <summary>Each that is refused comes a little later than the one before, so that they don't all come again at once.</summary>
    private Admission.Wait Refuse(State state, DateTimeOffset now, TimeSpan first, TimeSpan each)
    {
        var wait = first + (each * (state.Refused + random.NextDouble()));
        state.Refused++;
        return new Admission.Wait(now + (wait < LongestWait ? wait : LongestWait));
    }

    private State Find(string destination, DateTimeOffset now)
    {
        if (_states.TryGetValue(destination, out var state))
        {
            return state;
        }

        if (_states.Count >= MaxDestinations)
        {
            Forget(s => s.Active == 0 && s.RestsUntil <= now);
            if (_states.Count >= MaxDestinations)
            {
                Forget(s => s.Active == 0); // a rest that is cut short does no harm
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

        /// <summary>Refused since they came to be too many.</summary>
        public int Refused { get; set; }
        public DateTimeOffset NextMessage { get; set; } = DateTimeOffset.UnixEpoch;
        public DateTimeOffset RestsUntil { get; set; }

        /// <summary>Zero when the destination is well.</summary>
        public TimeSpan RestLength { get; set; }

        /// <summary>Rests so far.</summary>
        public int Rests { get; set; }
    }
}
