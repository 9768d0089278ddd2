namespace MailFunctions.Edge.Health;

/// <summary>
/// Gives memory back once the edge has gone quiet. A burst of logins leaves its garbage between the sessions that stay,
/// and the runtime collects only when something allocates: with thousands of idle sessions it would keep it for hours.
/// </summary>
internal sealed class QuietCollector(TimeProvider time, Action collect) : BackgroundService
{
    public static readonly TimeSpan LooksEvery = TimeSpan.FromSeconds(1);

    /// <summary>Octets allocated between two looks up to which the edge counts as quiet: probes and renewals of locks.</summary>
    public const long QuietOctets = 256 * 1024;

    /// <summary>Less than this many octets allocated since the last collection are not worth one.</summary>
    public const long WorthOctets = 4 * 1024 * 1024;

    /// <summary>A compacting collection stops all sessions for about 2 ms for each MiB of live octets: of more there is none.</summary>
    public const long MaxHeapOctets = 128 * 1024 * 1024;

    private long _allocatedBefore;
    private long _allocatedAtCollection;

    public QuietCollector(TimeProvider time)
        : this(time, static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true))
    {
    }

    /// <summary>Looks once, and collects when it is quiet and worth it.</summary>
    /// <param name="allocated">Octets that the process has allocated since its start.</param>
    /// <param name="heap">Octets on the heap, garbage included.</param>
    internal void Look(long allocated, long heap)
    {
        var isQuiet = allocated - _allocatedBefore <= QuietOctets;
        _allocatedBefore = allocated;
        // The cost is in what lives, so the more lives, the more there has to be to gain.
        if (isQuiet && heap <= MaxHeapOctets && allocated - _allocatedAtCollection >= Math.Max(WorthOctets, heap / 2))
        {
            _allocatedAtCollection = allocated;
            collect();
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
}
