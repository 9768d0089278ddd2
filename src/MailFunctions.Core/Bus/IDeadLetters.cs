namespace MailFunctions.Core.Bus;

/// <summary>A message that the bus gave up on.</summary>
/// <param name="SequenceNumber">Names it among the queue's dead letters.</param>
/// <param name="Reason">The bus's word, `MaxDeliveryCountExceeded`, or the one of the receiver that dead-lettered it.</param>
public sealed record DeadLetter(
    long SequenceNumber, string MessageId, DateTimeOffset EnqueuedAt, int DeliveryCount,
    string? Reason, string? Description, ReadOnlyMemory<byte> Body);

/// <summary>A queue's dead letters. Methods throw <see cref="BusUnavailableException"/>.</summary>
public interface IDeadLetters
{
    /// <summary>Looks without locking: by sequence number, from <paramref name="from"/> on.</summary>
    Task<IReadOnlyList<DeadLetter>> PeekAsync(string queue, long from, int count, CancellationToken cancellationToken);

    /// <summary>
    /// Sends it to its queue again, then deletes it. Its new MessageId comes from its sequence number: cut off in between
    /// and done again, the bus drops the second copy. False when there is no such dead letter.
    /// </summary>
    Task<bool> ResubmitAsync(string queue, long sequenceNumber, CancellationToken cancellationToken);

    /// <summary>False when there is no such dead letter.</summary>
    Task<bool> DeleteAsync(string queue, long sequenceNumber, CancellationToken cancellationToken);
}
