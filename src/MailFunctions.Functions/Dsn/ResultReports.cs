using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Outbound;

namespace MailFunctions.Functions.Dsn;

/// <summary>Tells what an attempt came to: the postmaster by traces, the sender by reports. Telling it again adds nothing.</summary>
internal sealed class ResultReports(ITraceWriter traces, DsnSender sender, RelayOptions options)
{
    /// <summary>True when the sender was told of a delay.</summary>
    public async Task<bool> TellAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        var failed = job.Results.Where(r => r.Kind == ResultKind.Failed && Asked(r, "FAILURE", unsaid: true)).ToList();
        var relayed = job.Results.Where(r => r.Kind == ResultKind.Relayed && !r.NotifiesItself && Asked(r, "SUCCESS", unsaid: false)).ToList();
        var delayed = job.WarnedAt is null && job.ChangedAt - job.ReceivedAt >= options.Schedule.WarnAfter
            ? job.Results.Where(r => r.Kind == ResultKind.Deferred && Asked(r, "DELAY", unsaid: false)).ToList()
            : [];
        await sender.SendAsync(job, DsnAction.Failed, failed, cancellationToken);
        await sender.SendAsync(job, DsnAction.Relayed, relayed, cancellationToken);
        await sender.SendAsync(job, DsnAction.Delayed, delayed, cancellationToken);
        await traces.WriteAsync([.. job.Results.Select(r => Trace(job, r))], cancellationToken);
        return delayed.Count > 0;
    }

    // RFC 3461 §4.1: without NOTIFY it is as if FAILURE had been asked for.
    private static bool Asked(RecipientResult result, string word, bool unsaid) =>
        result.Recipient.Notify is { } notify ? notify.Split(',').Contains(word, StringComparer.OrdinalIgnoreCase) : unsaid;

    private static TraceEvent Trace(OutboundJob job, RecipientResult result) => new()
    {
        MessageId = job.MessageId,
        At = result.At,
        Kind = result.Kind switch
        {
            ResultKind.Relayed => TraceKind.Relayed,
            ResultKind.Deferred => TraceKind.Deferred,
            _ => TraceKind.Bounced,
        },
        Addresses = [EmailAddress.Parse(result.Recipient.Address)?.ToCanonicalString() ?? result.Recipient.Address],
        Detail = $"{result.Status}, {(result.RemoteHost is { } host ? $"{host} said: " : "")}{result.Reply}"
            + (result.Kind == ResultKind.Deferred ? $"; next attempt {job.NextAttempt.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z" : ""),
    };
}
