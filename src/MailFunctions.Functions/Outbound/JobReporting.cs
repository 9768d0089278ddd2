using MailFunctions.Core.Bus;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dsn;

namespace MailFunctions.Functions.Outbound;

/// <summary>Reports the results in a job's row to traces and sender, then sets the next alarm. All of it may be done twice.</summary>
internal sealed partial class JobReporting(
    IOutboundJobs jobs, ResultReports reports, JobAlarms alarms, TimeProvider time, ILogger<JobReporting> logger)
{
    /// <summary>After the results were written; a report that can't be made by then is given up.</summary>
    private static readonly TimeSpan LongestTrying = TimeSpan.FromHours(1);

    public async Task<AttemptOutcome> ReportAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        if (job.State == JobState.Done && !job.Results.Any(r => r.Recipient.Asks("SUCCESS")))
        {
            // Only traces are left to write, and they don't need the message.
            await Task.WhenAll(reports.ReportAsync(job, cancellationToken), jobs.ReleaseBlobAsync(job, cancellationToken));
            return AttemptOutcome.Done;
        }

        var isDelayReported = await SendAsync(job, cancellationToken);
        if (job.State is JobState.Done or JobState.Reporting)
        {
            if (job.State == JobState.Reporting)
            {
                await jobs.PutAsync(job with { State = JobState.Done, ChangedAt = time.GetUtcNow() }, cancellationToken);
            }

            await jobs.ReleaseBlobAsync(job, cancellationToken);
            return AttemptOutcome.Done;
        }

        var next = job with
        {
            Results = [],
            Generation = job.Generation + 1,
            WarnedAt = job.WarnedAt ?? (isDelayReported ? time.GetUtcNow() : null),
        };
        if (await jobs.PutAsync(next, cancellationToken) is not { } written)
        {
            return AttemptOutcome.Conflict; // the writer of the other change sets the alarm
        }

        if (written.State == JobState.Queued)
        {
            LogDeferral(job, written);
            await alarms.SetAsync(written, null, cancellationToken);
        }

        return AttemptOutcome.Deferred;
    }

    /// <summary>
    /// True when a delay was reported. A report that can't be made, for a fault of ours, is a dead letter that the postmaster
    /// sees, and after an hour an error in the log: it does not keep the job from its end.
    /// </summary>
    private async Task<bool> SendAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        try
        {
            return await reports.ReportAsync(job, cancellationToken);
        }
        catch (Exception e) when (e is not (StoreUnavailableException or BusUnavailableException or OperationCanceledException)
            && time.GetUtcNow() - job.ChangedAt >= LongestTrying)
        {
            Log.ReportFailed(logger, job.MessageId, job.Domain, e.GetType().Name, e.StackTrace ?? "");
            return false;
        }
    }

    /// <summary>For the alert `relay-deferred`. The text of the reply is the peer's: the job and the traces have it.</summary>
    private void LogDeferral(OutboundJob job, OutboundJob written)
    {
        if (job.Results.LastOrDefault(r => r.Kind == ResultKind.Deferred) is { } last)
        {
            var minutes = (int)(time.GetUtcNow() - job.ReceivedAt).TotalMinutes;
            var code = SmtpReplyText.Code(last.Reply) ?? "none";
            Log.Deferred(logger, job.MessageId, job.Domain, minutes, written.Recipients.Count, code, last.Status, written.NextAttempt);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2303, LogLevel.Information, "Message {Id} to {Domain} is deferred {Minutes} minutes after it was accepted: "
            + "{Recipients} recipients, reply {Code} {Status}, next attempt {Next:u}",
            EventName = "MessageDeferred")]
        public static partial void Deferred(
            ILogger logger, string id, string domain, int minutes, int recipients, string code, string status, DateTimeOffset next);

        [LoggerMessage(2305, LogLevel.Error, "The results of message {Id} to {Domain} could not be reported: {Kind} {Stack}",
            EventName = "ReportFailed")]
        public static partial void ReportFailed(ILogger logger, string id, string domain, string kind, string stack);
    }
}
