using MailFunctions.Core.Bus;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.OutboundJobs;

/// <summary>Writes the row of a job and sends its alarm.</summary>
internal sealed class JobChanges(IOutboundJobs store, IBusSender bus, TimeProvider time)
{
    /// <summary>How many one call by filter takes: each is written and its alarm is sent.</summary>
    public const int MaxByFilter = 100;
    private const int MaxTries = 5;

    /// <summary>Changes one page of those that the filter selects.</summary>
    public async Task<JobsDone> ChangeAllAsync(
        JobFilter filter, PageQuery query, JobAction action, bool report, CancellationToken cancellationToken)
    {
        var page = await store.ListAsync(
            filter.Domain?.Name, filter.State?.Name, Math.Min(query.Top, MaxByFilter), query.Position, cancellationToken);
        var done = 0;
        foreach (var job in page.Items)
        {
            var (changed, _) = await ChangeAsync(job, action, report, cancellationToken);
            done += changed is null ? 0 : 1;
        }

        return new JobsDone(done, page.Items.Count - done, query.Next(page.Continuation));
    }

    /// <summary>The job as it is now; else why it was not changed, or null when there is none.</summary>
    public async Task<(JobAnswer? Changed, string? Refusal)> ChangeAsync(
        string id, JobAction action, bool report, CancellationToken cancellationToken) =>
        await store.FindAsync(id, cancellationToken) is { } job ? await ChangeAsync(job, action, report, cancellationToken) : (null, null);

    /// <inheritdoc cref="ChangeAsync(string, JobAction, bool, CancellationToken)"/>
    public async Task<(JobAnswer? Changed, string? Refusal)> ChangeAsync(
        OutboundJob job, JobAction action, bool report, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var now = time.GetUtcNow();
            if (job.State is JobState.Done or JobState.Reporting)
            {
                return (null, $"The job '{job.Id}' is done.");
            }

            if (!action.MayBeUnderWay && job.LeasedUntil > now)
            {
                return (null, $"An attempt of the job '{job.Id}' is under way: try again when it is over.");
            }

            if (await store.PutAsync(
                action.Change(job, now, report) with { Generation = job.Generation + 1 }, cancellationToken) is { } changed)
            {
                if (changed.State != JobState.Held)
                {
                    await bus.SendAsync(QueueNames.Outbound, OutboundAlarm.For(changed, now), cancellationToken);
                }

                return (JobAnswer.From(changed, now), null);
            }

            // An attempt writes its row several times: what the postmaster wants holds for the row as it is then.
            if (tries == MaxTries || await store.FindAsync(job.Domain, job.Id, cancellationToken) is not { } again)
            {
                return (null, $"The job '{job.Id}' was changed meanwhile: look at it again.");
            }

            job = again;
        }
    }
}
