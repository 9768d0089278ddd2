using MailFunctions.Core.Bus;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound;

/// <summary>Sets a new alarm for jobs whose own was lost, and removes those that were done long ago.</summary>
internal sealed class OverdueJobs(IOutboundJobs jobs, IBusSender bus, TimeProvider time) : IHousekeepingTask
{
    /// <summary>Later than this an alarm counts as lost.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>Longer than a message may come again on `mail-inbound`: its deliveries and their locks.</summary>
    public static readonly TimeSpan DoneFor = TimeSpan.FromDays(2);

    private const int MaxJobs = 1000;

    /// <summary>Removals are cheap, and done jobs must not pile up behind overdue ones.</summary>
    private const int MaxRemovals = 20_000;
    private const int AtOnce = 8;

    public string Name => "overdue jobs";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var done = 0;
        await EachAsync(await jobs.ListOverdueAsync(now - Patience, MaxJobs, cancellationToken), async (job, token) =>
        {
            if (await ArmAsync(job, now, token))
            {
                Interlocked.Increment(ref done);
            }
        });
        for (var removed = 0; removed < MaxRemovals; removed += MaxJobs)
        {
            var old = await jobs.ListDoneAsync(now - DoneFor, MaxJobs, cancellationToken);
            await EachAsync(old, async (job, token) => await jobs.RemoveAsync(job, token));
            done += old.Count;
            if (old.Count < MaxJobs)
            {
                break;
            }
        }

        return done;

        Task EachAsync(IReadOnlyList<OutboundJob> some, Func<OutboundJob, CancellationToken, ValueTask> act)
        {
            var bounded = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
            return Parallel.ForEachAsync(some, bounded, act);
        }
    }

    private async Task<bool> ArmAsync(OutboundJob job, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (job.LeasedUntil > now
            || await jobs.PutAsync(job with { Generation = job.Generation + 1, NextAttempt = now }, cancellationToken) is not { } armed)
        {
            return false; // an attempt is under way, or the row has changed
        }

        await bus.SendAsync(QueueNames.Outbound, OutboundAlarm.For(armed, now), cancellationToken);
        return true;
    }
}
