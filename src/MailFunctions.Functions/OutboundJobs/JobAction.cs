using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.OutboundJobs;

/// <summary>What the postmaster can do to a job.</summary>
/// <param name="MayBeUnderWay">Also while an attempt is.</param>
/// <param name="Change">The row as it is to be; true: with a report to the sender.</param>
internal sealed record JobAction(
    string Name, string Summary, bool MayBeUnderWay, Func<OutboundJob, DateTimeOffset, bool, OutboundJob> Change)
{
    public static readonly JobAction Retry = new("retry", "Tries a job now, on hold or not", false, (job, now, _) => Now(job, now));
    public static readonly JobAction Hold =
        new("hold", "Puts a job on hold until it is released", true, (job, _, _) => job with { State = JobState.Held });
    public static readonly JobAction Release = new("release", "Releases a job on hold", true, (job, now, _) => Now(job, now));
    public static readonly JobAction Cancel =
        new("cancel", "Cancels a job; with ?report=true the sender gets a failure report", false, Cancelled);

    public static readonly IReadOnlyList<JobAction> All = [Retry, Hold, Release, Cancel];

    /// <summary>An expired lease is of an attempt whose process died; left there, it would count as another deferral.</summary>
    private static OutboundJob Now(OutboundJob job, DateTimeOffset now) => job with
    {
        State = JobState.Queued,
        NextAttempt = now,
        LeasedUntil = job.LeasedUntil > now ? job.LeasedUntil : null,
    };

    /// <summary>The invocation that the alarm causes reports the results, as it does those of an attempt.</summary>
    private static OutboundJob Cancelled(OutboundJob job, DateTimeOffset now, bool report) => job with
    {
        State = JobState.Reporting,
        Recipients = [],
        Results =
        [
            .. job.Results.Where(r => r.Kind != ResultKind.Deferred),
            .. job.Recipients.Select(r => new RecipientResult(
                r, report ? ResultKind.Failed : ResultKind.Dropped, "5.7.1", "taken back by the postmaster", null, now)),
        ],
        NextAttempt = now,
        ChangedAt = now,
    };
}
