using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;

namespace MailFunctions.Functions.Outbound;

/// <summary>The row of a job as each step of an attempt leaves it; nothing here reads or writes.</summary>
internal sealed class JobTransitions(RelayOptions options, TimeProvider time, Random random)
{
    /// <summary>Longer than an attempt may take, so that a lease runs out only when its process died.</summary>
    private static readonly TimeSpan LeaseMargin = TimeSpan.FromSeconds(20);

    public bool IsLeased(OutboundJob job) => job.LeasedUntil > time.GetUtcNow();

    /// <summary>When the job's last attempt is made.</summary>
    public DateTimeOffset EndOf(OutboundJob job) => job.ReceivedAt + options.Schedule.GiveUpAfter;

    /// <summary>The end of the job was this long ago or longer.</summary>
    public bool IsPastEnd(OutboundJob job, TimeSpan by = default) => time.GetUtcNow() >= EndOf(job) + by;

    /// <summary>Leased for an attempt, which is counted before it is made: one that its process does not survive counts too.</summary>
    public OutboundJob Leased(OutboundJob job) => job with
    {
        Attempts = job.Attempts + 1,
        LeasedUntil = time.GetUtcNow() + options.AttemptTimeout + LeaseMargin,
    };

    /// <summary>With an attempt's results: what is left is tried again, or fails where the job's time is over.</summary>
    public OutboundJob After(OutboundJob job, IReadOnlyList<RecipientResult> results)
    {
        var now = time.GetUtcNow();
        var next = options.Schedule.Next(job.Attempts, job.ReceivedAt, now, random.NextDouble());
        var final = results.Select(r => next is null && r.Kind == ResultKind.Deferred ? Expired(r) : r).ToList();
        var left = final.Where(r => r.Kind == ResultKind.Deferred).Select(r => r.Recipient).ToList();
        return job with
        {
            Recipients = left,
            Results = final,
            State = left.Count > 0 ? job.State : final.Any(r => r.Kind == ResultKind.Failed) ? JobState.Reporting : JobState.Done,
            NextAttempt = left.Count > 0 && next is { } at ? at : now,
            LastReply = results.Count > 0 ? results[^1].Reply : job.LastReply,
            LeasedUntil = null,
            ChangedAt = now,
        };
    }

    /// <summary>With all recipients deferred without an attempt of their own.</summary>
    public OutboundJob Deferred(OutboundJob job, Verdict deferral) => After(job, Results(job, deferral));

    /// <summary>Deferred until the destination's back-off ends: reported like any other delay, but not counted as an attempt.</summary>
    public OutboundJob BackedOff(OutboundJob job, DateTimeOffset until)
    {
        var end = EndOf(job);
        var reply = $"the destination of {job.Domain} asked for less mail and is left alone for a while";
        return job with
        {
            Results = Results(job, Verdict.Deferred("4.7.0", reply)),
            NextAttempt = until < end ? until : end,
            ChangedAt = time.GetUtcNow(),
        };
    }

    public IReadOnlyList<RecipientResult> Results(OutboundJob job, Verdict verdict) => verdict.ForAll(job, time.GetUtcNow());

    // RFC 3463 §3.5: X.4.7 delivery time expired.
    private static RecipientResult Expired(RecipientResult result) => result with { Kind = ResultKind.Failed, Status = "5.4.7" };
}
