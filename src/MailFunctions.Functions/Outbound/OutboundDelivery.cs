using System.Diagnostics;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Telemetry;
using MailFunctions.Functions.Dsn;

namespace MailFunctions.Functions.Outbound;

/// <summary>What an alarm came to.</summary>
internal enum RingEnd
{
    /// <summary>The row is gone or done, on hold, or has another generation.</summary>
    Stale,

    /// <summary>Another function is at it; the alarm is set to the end of its lease.</summary>
    Leased,

    /// <summary>Another function was quicker at the row.</summary>
    Lost,

    /// <summary>Everybody has been reached or given up.</summary>
    Done,

    /// <summary>Some are left; the next alarm is set.</summary>
    Deferred,

    /// <summary>Enough goes to the destination as it is; the alarm is set for a little later.</summary>
    Waiting,
}

/// <summary>
/// One alarm of one job: lease, attempt, write down, tell, next alarm. What the peer said is in the row before anything
/// else is done, so the window in which a crash makes a message go twice is one write to the table; whatever follows is
/// done again from the row and changes nothing the second time.
/// </summary>
internal sealed partial class OutboundDelivery(
    IOutboundJobs jobs, IRelay relay, IBusSender bus, ResultReports reports, DestinationLimits limits, RelayOptions options, TimeProvider time, Random random,
    ILogger<OutboundDelivery> logger)
{
    /// <summary>Longer than an attempt may take, so that a lease runs out only when its function is gone.</summary>
    private static readonly TimeSpan LeaseMargin = TimeSpan.FromSeconds(20);

    /// <summary>Behind the end of a job's time for its last attempt to find a place among others, and for a report to be made.</summary>
    private static readonly TimeSpan LastWait = TimeSpan.FromHours(1);
    private const int MaxConflicts = 10;

    public async Task<RingEnd> RingAsync(OutboundAlarm alarm, CancellationToken cancellationToken)
    {
        MailSpans.Tag(MailSpans.JobTag, alarm.Job);
        if (await jobs.FindAsync(alarm.Domain, alarm.Job, cancellationToken) is not { } job || job.Generation != alarm.Generation)
        {
            return RingEnd.Stale;
        }

        if (job.Results.Count > 0)
        {
            return await TellAsync(job, cancellationToken); // the function before us got that far
        }

        if (job.State != JobState.Queued)
        {
            return RingEnd.Stale;
        }

        var now = time.GetUtcNow();
        if (job.LeasedUntil > now)
        {
            await bus.SendAsync(QueueNames.Outbound, OutboundAlarm.For(job, now, job.LeasedUntil), cancellationToken);
            return RingEnd.Leased;
        }

        if (job.LeasedUntil is not null)
        {
            // A lease that ran out is an attempt whose process died in it: counted when it began, and a deferral like any other,
            // so that a job that kills its process is tried ever more seldom and has an end.
            return await DeferAsync(job, "4.3.0", "the attempt before ended without a result: its process was stopped", cancellationToken);
        }

        var end = job.ReceivedAt + options.Schedule.GiveUpAfter;
        switch (limits.Enter(job.Domain, now >= end))
        {
            case Admission.Wait when now >= end + LastWait:
                return await DeferAsync(job, "4.4.5", $"more mail goes to {job.Domain} than its limits let pass", cancellationToken);
            case Admission.Wait wait:
                await bus.SendAsync(QueueNames.Outbound, OutboundAlarm.For(job, now, wait.Until), cancellationToken);
                return RingEnd.Waiting;
            case Admission.Rest rest:
                return await PutOffAsync(job, rest.Until, cancellationToken);
            case Admission.Entered entered:
                return await AttemptAsync(job, entered, cancellationToken);
            default:
                throw new InvalidOperationException("There is no such admission.");
        }
    }

    private async Task<RingEnd> AttemptAsync(OutboundJob job, Admission.Entered entered, CancellationToken cancellationToken)
    {
        IReadOnlyList<RecipientResult> results = [];
        OutboundJob? leased = null;
        try
        {
            // Counted before it is made: an attempt that its process does not live through is one, too.
            leased = await jobs.PutAsync(
                job with { Attempts = job.Attempts + 1, LeasedUntil = time.GetUtcNow() + options.AttemptTimeout + LeaseMargin },
                cancellationToken);
            if (leased is null)
            {
                return RingEnd.Lost;
            }

            using var span = MailSpans.Start("relay", ActivityKind.Client);
            results = await relay.AttemptAsync(leased, cancellationToken);
            span?.SetTag(MailSpans.MessageTag, leased.MessageId).SetTag("mail.relayed", results.Count(r => r.Kind == ResultKind.Relayed)).SetTag("mail.recipients", results.Count);
        }
        catch (Exception e) when (leased is not null)
        {
            // Whatever it was, it is a deferral with a reason. A list of those that may happen would be one short.
            var kind = e.GetType().Name; // its message may have words of the mail
            var isStopped = e is OperationCanceledException;
            if (!isStopped)
            {
                Log.AttemptFailed(logger, job.MessageId, job.Domain, kind, e.StackTrace ?? "");
            }

            results = Deferred(leased, "4.3.0", isStopped ? "the function was stopped during the attempt" : $"the attempt failed ({kind})");
        }
        finally
        {
            limits.Leave(entered, results);
        }

        // From here on nothing is given up half-way for the caller's sake.
        return await TellAsync(await RecordAsync(leased, results), CancellationToken.None);
    }

    /// <summary>Writes a deferral of all recipients down, for good where the job's time is over.</summary>
    private async Task<RingEnd> DeferAsync(OutboundJob job, string status, string reason, CancellationToken cancellationToken) =>
        await jobs.PutAsync(Apply(job, Deferred(job, status, reason)), cancellationToken) is { } put
            ? await TellAsync(put, CancellationToken.None)
            : RingEnd.Lost;

    private List<RecipientResult> Deferred(OutboundJob job, string status, string reason)
    {
        var (now, reply) = (time.GetUtcNow(), SmtpReplyText.Line(reason));
        return
        [
            .. job.Recipients.Select(r => new RecipientResult(r with { LastReply = reply }, ResultKind.Deferred, status, reply, null, now)),
        ];
    }

    /// <summary>The destination is left alone: a delay that is told like any other, and no attempt of the job's.</summary>
    private async Task<RingEnd> PutOffAsync(OutboundJob job, DateTimeOffset until, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var end = job.ReceivedAt + options.Schedule.GiveUpAfter;
        var reply = $"the destination of {job.Domain} asked for less mail and is left alone for a while";
        var put = await jobs.PutAsync(
            job with
            {
                Results = Deferred(job, "4.7.0", reply),
                NextAttempt = until < end ? until : end,
                ChangedAt = now,
            },
            cancellationToken);
        return put is null ? RingEnd.Lost : await TellAsync(put, CancellationToken.None);
    }

    /// <summary>Writes down what the attempt came to; the postmaster may have put the job on hold meanwhile.</summary>
    private async Task<OutboundJob> RecordAsync(OutboundJob job, IReadOnlyList<RecipientResult> results)
    {
        for (var conflicts = 0; conflicts < MaxConflicts; conflicts++)
        {
            if (await jobs.PutAsync(Apply(job, results), CancellationToken.None) is { } written)
            {
                return written;
            }

            job = await jobs.FindAsync(job.Domain, job.Id, CancellationToken.None)
                ?? throw new Core.Messages.StoreUnavailableException($"The row of job {job.Id} vanished during its attempt.");
        }

        throw new Core.Messages.StoreUnavailableException($"The row of job {job.Id} changed {MaxConflicts} times while an attempt was to be written down.");
    }

    private OutboundJob Apply(OutboundJob job, IReadOnlyList<RecipientResult> results)
    {
        var now = time.GetUtcNow();
        var next = options.Schedule.Next(job.Attempts, job.ReceivedAt, now, random.NextDouble());
        var final = results.Select(r => next is null && r.Kind == ResultKind.Deferred ? Expired(r) : r).ToList();
        var left = final.Where(r => r.Kind == ResultKind.Deferred).Select(r => r.Recipient).ToList();
        return job with
        {
            Recipients = left,
            Results = final,
            State = left.Count > 0 ? job.State : final.Any(r => r.Kind == ResultKind.Failed) ? JobState.Telling : JobState.Done,
            NextAttempt = left.Count > 0 && next is { } at ? at : now,
            LastReply = results.Count > 0 ? results[^1].Reply : job.LastReply,
            LeasedUntil = null,
            ChangedAt = now,
        };
    }

    // RFC 3463 §3.5: X.4.7 delivery time expired.
    private static RecipientResult Expired(RecipientResult result) => result with { Kind = ResultKind.Failed, Status = "5.4.7" };

    /// <summary>Tells traces and sender, then sets the next alarm. All of it may be done twice.</summary>
    private async Task<RingEnd> TellAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        if (job.State == JobState.Done && !job.Results.Any(r => r.Recipient.Asks("SUCCESS")))
        {
            // Only traces are left to write, and they don't need the message.
            await Task.WhenAll(reports.TellAsync(job, cancellationToken), jobs.ReleaseBlobAsync(job, cancellationToken));
            return RingEnd.Done;
        }

        var warned = await ReportAsync(job, cancellationToken);
        if (job.State is JobState.Done or JobState.Telling)
        {
            if (job.State == JobState.Telling)
            {
                await jobs.PutAsync(job with { State = JobState.Done, ChangedAt = time.GetUtcNow() }, cancellationToken);
            }

            await jobs.ReleaseBlobAsync(job, cancellationToken);
            return RingEnd.Done;
        }

        var next = job with
        {
            Results = [],
            Generation = job.Generation + 1,
            WarnedAt = job.WarnedAt ?? (warned ? time.GetUtcNow() : null),
        };
        if (await jobs.PutAsync(next, cancellationToken) is not { } written)
        {
            return RingEnd.Lost; // whoever changed the row sets its alarm
        }

        if (written.State == JobState.Queued)
        {
            if (job.Results.LastOrDefault(r => r.Kind == ResultKind.Deferred) is { } last)
            {
                // For the alert `relay-deferred`. The words of the reply are the peer's: the job and the traces have them.
                Log.Deferred(
                    logger, job.MessageId, job.Domain, (int)(time.GetUtcNow() - job.ReceivedAt).TotalMinutes,
                    written.Recipients.Count, SmtpReplyText.Code(last.Reply) ?? "none", last.Status, written.NextAttempt);
            }

            await bus.SendAsync(QueueNames.Outbound, OutboundAlarm.For(written, time.GetUtcNow()), cancellationToken);
        }

        return RingEnd.Deferred;
    }

    /// <summary>
    /// True when the sender was told of a delay. A report that can't be made, for a fault of ours, is a dead letter that the
    /// postmaster sees, and after an hour of that an error in the log: it does not keep the job from its end.
    /// </summary>
    private async Task<bool> ReportAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        try
        {
            return await reports.TellAsync(job, cancellationToken);
        }
        catch (Exception e) when (e is not (Core.Messages.StoreUnavailableException or BusUnavailableException or OperationCanceledException)
            && time.GetUtcNow() - job.ChangedAt >= LastWait)
        {
            Log.ReportFailed(logger, job.MessageId, job.Domain, e.GetType().Name, e.StackTrace ?? "");
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2303, LogLevel.Information, "Message {Id} to {Domain} is deferred {Minutes} minutes after it was accepted: {Recipients} recipients, reply {Code} {Status}, next attempt {Next:u}", EventName = "MessageDeferred")]
        public static partial void Deferred(
            ILogger logger, string id, string domain, int minutes, int recipients, string code, string status, DateTimeOffset next);

        [LoggerMessage(2304, LogLevel.Error, "An attempt to relay message {Id} to {Domain} failed: {Kind} {Stack}", EventName = "AttemptFailed")]
        public static partial void AttemptFailed(ILogger logger, string id, string domain, string kind, string stack);

        [LoggerMessage(2305, LogLevel.Error, "What became of message {Id} to {Domain} could not be told: {Kind} {Stack}", EventName = "ReportFailed")]
        public static partial void ReportFailed(ILogger logger, string id, string domain, string kind, string stack);
    }
}
