using System.Collections.Concurrent;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Functions.Outbound;

/// <summary>
/// Enqueues the jobs of a message's remote recipients. Doing it again makes no second job and, at worst, an alarm that is
/// dropped.
/// </summary>
internal sealed class OutboundQueue(IOutboundJobs jobs, IBusSender bus, TimeProvider time)
{
    public async Task EnqueueAsync(
        InboundEnvelope envelope,
        ReversePath mailFrom,
        string? deliveredTo,
        IReadOnlyList<(EmailAddress Address, OutboundRecipient Recipient)> recipients,
        CancellationToken cancellationToken)
    {
        if (recipients.Count == 0)
        {
            return;
        }

        var now = time.GetUtcNow();
        var made = JobSplitter.Split(envelope, mailFrom, deliveredTo, recipients, now)
            .Select(j => j with { TraceParent = MailSpans.TraceParent }).ToList();
        // All rows before any alarm: the blob has all its references before the first job can end.
        var late = new ConcurrentBag<OutboundJob>();
        await Parallel.ForEachAsync(
            made,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken },
            async (job, token) =>
            {
                // An existing row is left unchanged.
                if (await jobs.PutAsync(job, token) is null)
                {
                    await PutMissingAsync(job, late, token);
                }
            });
        await bus.SendBatchAsync(QueueNames.Outbound, [.. made.Concat(late).Select(j => OutboundAlarm.For(j, now))], cancellationToken);
    }

    /// <summary>Since the first time an alias or a forward may have got further targets.</summary>
    private async Task PutMissingAsync(OutboundJob job, ConcurrentBag<OutboundJob> late, CancellationToken cancellationToken)
    {
        if (await jobs.FindAsync(job.Domain, job.Id, cancellationToken) is not { MadeFor.Count: > 0 } before)
        {
            return;
        }

        foreach (var missing in job.Recipients.Where(r => !before.MadeFor.Contains(r.Address)).Select(r => JobSplitter.Beside(job, r)))
        {
            await jobs.PutAsync(missing, cancellationToken);
            late.Add(missing);
        }
    }
}
