using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Functions.Outbound;

/// <summary>Makes the jobs of a message's remote recipients. Doing it again makes no second job and, at worst, an alarm that is dropped.</summary>
internal sealed class JobMaker(IOutboundJobs jobs, IBusSender bus, TimeProvider time)
{
    public async Task CreateAsync(
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
        var made = JobSplitter.Split(envelope, mailFrom, deliveredTo, recipients, now).Select(j => j with { TraceParent = MailSpans.TraceParent }).ToList();
        // All rows before any alarm: the blob has all its references before the first job can be done.
        await Parallel.ForEachAsync(
            made,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken },
            async (job, token) => await jobs.PutAsync(job, token)); // a row that is there is left as it is
        await bus.SendBatchAsync(QueueNames.Outbound, [.. made.Select(j => OutboundAlarm.For(j, now))], cancellationToken);
    }
}
