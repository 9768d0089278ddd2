using MailFunctions.Core.Bus;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound;

/// <summary>Sets a new alarm for jobs whose own was lost, and removes those that have been done for long enough.</summary>
internal sealed class OverdueJobs(IOutboundJobs jobs, IBusSender bus, TimeProvider time) : IHousekeepingTask
{
    /// <summary>Later than this an alarm counts as lost.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>Longer than a message may come again on `mail-inbound`: its deliveries and their locks.</summary>
    public static readonly TimeSpan DoneFor = TimeSpan.FromDays(2);

    private const int MaxJobs = 1000;
    private const int AtOnce = 8;

    public string Name => "overdue jobs";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var done = 0;
        await Parallel.ForEachAsync(
            await jobs.ListOverdueAsync(now - Patience, now - DoneFor, MaxJobs, cancellationToken),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
            async (job, token) =>
            {
                if (await SettleAsync(job, now, token))
                {
                    Interlocked.Increment(ref done);
                }
            });
        return done;
    }

    private async Task<bool> SettleAsync(OutboundJob job, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (job.State == JobState.Done)
        {
            await jobs.RemoveAsync(job, cancellationToken);
            return true;
        }

        if (job.LeasedUntil > now
            || await jobs.PutAsync(job with { Generation = job.Generation + 1, NextAttempt = now }, cancellationToken) is not { } armed)
        {
            return false; // somebody is at it
        }

        await bus.SendAsync(QueueNames.Outbound, OutboundAlarm.For(armed, now), cancellationToken);
        return true;
    }
}
