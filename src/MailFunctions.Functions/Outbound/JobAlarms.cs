using MailFunctions.Core.Bus;
using MailFunctions.Core.Relay;

namespace MailFunctions.Functions.Outbound;

/// <summary>Sets the alarms of jobs on `mail-outbound`.</summary>
internal sealed class JobAlarms(IBusSender bus, TimeProvider time)
{
    /// <param name="at">When; null: at the job's next attempt.</param>
    public Task SetAsync(OutboundJob job, DateTimeOffset? at, CancellationToken cancellationToken) =>
        bus.SendAsync(QueueNames.Outbound, OutboundAlarm.For(job, time.GetUtcNow(), at), cancellationToken);
}
