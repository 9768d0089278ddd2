using System.Diagnostics;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Functions.Outbound;

/// <summary>
/// One alarm of one job: lease, attempt, record, report, next alarm. The peer's replies are in the row before anything else
/// is done, so the window in which a crash makes a message go twice is one write to the table; the rest is repeated from the
/// row and changes nothing the second time.
/// </summary>
internal sealed partial class OutboundDelivery(
    IOutboundJobs jobs,
    IRelay relay,
    DestinationLimits limits,
    JobTransitions transitions,
    JobAlarms alarms,
    JobReporting reporting,
    ILogger<OutboundDelivery> logger)
{
    /// <summary>After the end of a job, for its last attempt to find a place within the destination's limits.</summary>
    private static readonly TimeSpan LastWait = TimeSpan.FromHours(1);
    private const int MaxConflicts = 10;

    public async Task<AttemptOutcome> ProcessAsync(OutboundAlarm alarm, CancellationToken cancellationToken)
    {
        MailSpans.Tag(MailSpans.JobTag, alarm.Job);
        if (await jobs.FindAsync(alarm.Domain, alarm.Job, cancellationToken) is not { } job || job.Generation != alarm.Generation)
        {
            return AttemptOutcome.Stale;
        }

        if (job.Results.Count > 0 || job.State == JobState.Reporting)
        {
            return await reporting.ReportAsync(job, cancellationToken); // the invocation before this one wrote the results
        }

        if (job.State != JobState.Queued)
        {
            return AttemptOutcome.Stale;
        }

        if (transitions.IsLeased(job))
        {
            await alarms.SetAsync(job, job.LeasedUntil, cancellationToken);
            return AttemptOutcome.Leased;
        }

        if (job.LeasedUntil is not null)
        {
            // The process died in the attempt: counted when it began, and a deferral like any other, so that a job that kills
            // its process is tried ever less often and has an end.
            var died = Verdict.Deferred("4.3.0", "the attempt before ended without a result: its process was stopped");
            return await RecordWithoutAttemptAsync(transitions.Deferred(job, died), cancellationToken);
        }

        switch (limits.Enter(job.Domain, transitions.IsPastEnd(job)))
        {
            case Permit.Throttled when transitions.IsPastEnd(job, LastWait):
                var overLimit = Verdict.Deferred("4.4.5", $"more mail goes to {job.Domain} than its limits let pass");
                return await RecordWithoutAttemptAsync(transitions.Deferred(job, overLimit), cancellationToken);
            case Permit.Throttled throttled:
                await alarms.SetAsync(job, throttled.Until, cancellationToken);
                return AttemptOutcome.Waiting;
            case Permit.BackingOff backingOff:
                return await RecordWithoutAttemptAsync(transitions.BackedOff(job, backingOff.Until), cancellationToken);
            case Permit.Granted granted:
                return await AttemptAsync(job, granted, cancellationToken);
            default:
                throw new InvalidOperationException("There is no such permit.");
        }
    }

    private async Task<AttemptOutcome> AttemptAsync(OutboundJob job, Permit.Granted permit, CancellationToken cancellationToken)
    {
        IReadOnlyList<RecipientResult> results = [];
        OutboundJob? leased = null;
        try
        {
            leased = await jobs.PutAsync(transitions.Leased(job), cancellationToken);
            if (leased is null)
            {
                return AttemptOutcome.Conflict;
            }

            using var span = MailSpans.Start("relay", ActivityKind.Client);
            results = await relay.AttemptAsync(leased, cancellationToken);
            span?.SetTag(MailSpans.MessageTag, leased.MessageId)
                .SetTag("mail.relayed", results.Count(r => r.Kind == ResultKind.Relayed))
                .SetTag("mail.recipients", results.Count);
        }
        catch (Exception e) when (leased is not null)
        {
            // Every exception is a deferral with a reason; a list of the expected ones would be incomplete.
            results = transitions.Results(leased, Deferral(leased, e));
        }
        finally
        {
            limits.Leave(permit, results);
        }

        // The results are recorded and reported even if the invocation is cancelled.
        return await reporting.ReportAsync(await RecordAsync(leased, results), CancellationToken.None);
    }

    private Verdict Deferral(OutboundJob job, Exception exception)
    {
        if (exception is OperationCanceledException)
        {
            return Verdict.Deferred("4.3.0", "the function was stopped during the attempt");
        }

        var kind = exception.GetType().Name; // the exception's message may have content of the mail
        Log.AttemptFailed(logger, job.MessageId, job.Domain, kind, exception.StackTrace ?? "");
        return Verdict.Deferred("4.3.0", $"the attempt failed ({kind})");
    }

    private async Task<AttemptOutcome> RecordWithoutAttemptAsync(OutboundJob job, CancellationToken cancellationToken) =>
        await jobs.PutAsync(job, cancellationToken) is { } put
            ? await reporting.ReportAsync(put, CancellationToken.None)
            : AttemptOutcome.Conflict;

    /// <summary>Records the results of an attempt; the postmaster may have put the job on hold meanwhile.</summary>
    private async Task<OutboundJob> RecordAsync(OutboundJob job, IReadOnlyList<RecipientResult> results)
    {
        for (var conflicts = 0; conflicts < MaxConflicts; conflicts++)
        {
            if (await jobs.PutAsync(transitions.After(job, results), CancellationToken.None) is { } written)
            {
                return written;
            }

            job = await jobs.FindAsync(job.Domain, job.Id, CancellationToken.None)
                ?? throw new StoreUnavailableException($"The row of job {job.Id} vanished during its attempt.");
        }

        throw new StoreUnavailableException(
            $"The row of job {job.Id} changed {MaxConflicts} times while an attempt was to be written down.");
    }

    private static partial class Log
    {
        [LoggerMessage(2304, LogLevel.Error, "An attempt to relay message {Id} to {Domain} failed: {Kind} {Stack}",
            EventName = "AttemptFailed")]
        public static partial void AttemptFailed(ILogger logger, string id, string domain, string kind, string stack);
    }
}
