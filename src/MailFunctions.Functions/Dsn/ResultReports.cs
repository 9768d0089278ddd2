using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Traces;

namespace MailFunctions.Functions.Dsn;

/// <summary>Reports an attempt's results: to the postmaster by traces, to the sender by DSNs. Doing it again adds nothing.</summary>
internal sealed class ResultReports(ITraceWriter traces, DsnSender sender, ReportOptions options)
{
    /// <summary>True when a delay was reported to the sender.</summary>
    public async Task<bool> ReportAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        var failed = job.Results.Where(r => r.Kind == ResultKind.Failed && r.Recipient.Asks("FAILURE")).ToList();
        var relayed = job.Results.Where(r => r.Kind == ResultKind.Relayed && !r.NotifiesItself && r.Recipient.Asks("SUCCESS")).ToList();
        var delayed = job.WarnedAt is null && job.ChangedAt - job.ReceivedAt >= options.WarnAfter
            ? job.Results.Where(r => r.Kind == ResultKind.Deferred && r.Recipient.Asks("DELAY")).ToList()
            : [];
        var isReported = await sender.SendAsync(
            new Report
            {
                Key = job.Id,
                MailFrom = job.MailFrom,
                Blob = job.Blob,
                Size = job.Size,
                ReceivedAt = job.ReceivedAt,
                IsOurs = job.IsOurs,
                Recipients = [.. Of(failed, DsnAction.Failed), .. Of(delayed, DsnAction.Delayed), .. Of(relayed, DsnAction.Relayed)],
                RetriedUntil = job.ReceivedAt + options.GiveUpAfter,
            },
            cancellationToken);
        await traces.WriteAsync([.. job.Results.Select(r => Trace(job, r, isReported))], cancellationToken);
        return delayed.Count > 0;
    }

    private static IEnumerable<ReportedRecipient> Of(IEnumerable<RecipientResult> results, DsnAction action) =>
        results.Select(r => new ReportedRecipient(
            r.Recipient.Address,
            r.Recipient.Orcpt,
            action,
            r.Status,
            r.Reply,
            // RFC 3464 §2.3.6: only a text that begins with a reply code is the peer's.
            SmtpReplyText.Code(r.Reply) is null ? null : r.RemoteHost,
            r.At));

    private static TraceEvent Trace(OutboundJob job, RecipientResult result, bool isReported) => new()
    {
        MessageId = job.MessageId,
        At = result.At,
        Kind = result.Kind switch
        {
            ResultKind.Relayed => TraceKind.Relayed,
            ResultKind.Deferred => TraceKind.Deferred,
            _ => TraceKind.Bounced,
        },
        Addresses = [EmailAddress.ParseReversePath(result.Recipient.Address)?.ToCanonicalString() ?? result.Recipient.Address],
        Detail = $"{result.Status}, {(result.RemoteHost is { } host ? $"{host} said: " : "")}{result.Reply}"
            + (result.Kind == ResultKind.Deferred ? $"; next attempt {job.NextAttempt.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z" : "")
            + (isReported || result.Kind != ResultKind.Failed ? "" : DsnSender.OverLimit),
    };
}
