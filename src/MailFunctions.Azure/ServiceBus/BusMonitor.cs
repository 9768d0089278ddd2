using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Counts by the administration, which asks for the right to manage the queue; the oldest message by peeking.</summary>
internal sealed class BusMonitor(BusAccess bus) : IBusMonitor
{
    private const int PeekedForOldest = 32;

    public async Task<QueueCounts> CountAsync(string queue, CancellationToken cancellationToken)
    {
        var counts = (await bus.RunAsync(
            queue, limited => bus.Administration.GetQueueRuntimePropertiesAsync(queue, limited), cancellationToken)).Value;
        return new QueueCounts(
            counts.ActiveMessageCount,
            counts.ScheduledMessageCount,
            counts.DeadLetterMessageCount,
            counts.ActiveMessageCount == 0 ? null : await OldestAsync(queue, cancellationToken));
    }

    private async Task<DateTimeOffset?> OldestAsync(string queue, CancellationToken cancellationToken)
    {
        var receiver = bus.Client.CreateReceiver(queue);
        await using (receiver)
        {
            var messages = await bus.RunAsync(
                queue, limited => receiver.PeekMessagesAsync(PeekedForOldest, 0, limited), cancellationToken);
            return messages.FirstOrDefault(m => m.State == ServiceBusMessageState.Active)?.EnqueuedTime;
        }
    }
}
