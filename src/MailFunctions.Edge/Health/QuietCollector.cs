using MailFunctions.Edge.Admission;

namespace MailFunctions.Edge.Health;

/// <summary>
/// Gives memory back once the edge has gone quiet. A burst of logins leaves its garbage between the sessions that stay,
/// and the runtime collects only when something allocates: with thousands of idle sessions it would keep it for hours.
/// </summary>
internal sealed class QuietCollector(TimeProvider time, Func<int> sessions, Func<bool, long> collect) : BackgroundService
{
    public static readonly TimeSpan LooksEvery = TimeSpan.FromSeconds(1);

    /// <summary>Octets allocated between two looks up to which the edge counts as quiet: probes and renewals of locks.</summary>
    public const long QuietOctets = 256 * 1024;

    /// <summary>Less than this many octets allocated since the last collection are not worth one.</summary>
    public const long WorthOctets = 4 * 1024 * 1024;

    /// <summary>Fewer sessions that have ended since then are not worth one either.</summary>
    public const int WorthSessions = 100;

    /// <summary>
    /// A compacting collection stops all sessions for about 2 ms for each MiB of live octets: with more of them nothing is moved.
    /// </summary>
    public const long MaxCompactedOctets = 128 * 1024 * 1024;

    private long _allocatedBefore;
    private long _allocatedAtCollection;
    private int _mostSessions;

    public QuietCollector(TimeProvider time, ConnectionLimits limits)
        : this(time, () => limits.Open, Collect)
    {
    }

    /// <summary>Looks once, and collects when it is quiet and worth it.</summary>
    /// <param name="allocated">Octets that the process has allocated since its start.</param>
    /// <param name="heap">Octets on the heap, garbage included.</param>
    internal void Look(long allocated, long heap)
    {
        var open = sessions();
        _mostSessions = Math.Max(_mostSessions, open);
        var isQuiet = allocated - _allocatedBefore <= QuietOctets;
        _allocatedBefore = allocated;

        // The cost is in what lives, so the more lives, the more there has to be to gain.
        var isWorthIt = allocated - _allocatedAtCollection >= Math.Max(WorthOctets, heap / 2)
            || _mostSessions - open >= Math.Max(WorthSessions, _mostSessions / 2);
        if (isQuiet && isWorthIt)
        {
            (_allocatedAtCollection, _mostSessions) = (allocated, open);

            // How much of a large heap lives is known when it has been collected: often next to nothing, after an attack.
            if (heap <= MaxCompactedOctets || collect(false) <= MaxCompactedOctets)
            {
                collect(true);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LooksEvery, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Look(GC.GetTotalAllocatedBytes(), GC.GetTotalMemory(forceFullCollection: false));
        }
    }

    /// <summary>Octets that live.</summary>
    private static long Collect(bool compacting)
    {
        GC.Collect(GC.MaxGeneration, compacting ? GCCollectionMode.Aggressive : GCCollectionMode.Forced, blocking: true, compacting);
        return GC.GetTotalMemory(forceFullCollection: false);
    }
}
