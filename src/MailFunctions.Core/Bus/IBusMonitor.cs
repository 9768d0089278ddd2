namespace MailFunctions.Core.Bus;

/// <summary>What waits in a queue.</summary>
public sealed record QueueCounts(long Active, long Scheduled, long DeadLettered, DateTimeOffset? OldestEnqueuedAt);

/// <summary>Reads the state of queues.</summary>
public interface IBusMonitor
{
    Task<QueueCounts> CountAsync(string queue, CancellationToken cancellationToken);
}
