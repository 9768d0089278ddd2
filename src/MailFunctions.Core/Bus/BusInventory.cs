namespace MailFunctions.Core.Bus;

/// <summary>Looks through a queue without taking anything out of it.</summary>
public interface IBusInventory
{
    /// <summary>
    /// The ids of all messages that a queue holds in whatever state: waiting, locked, scheduled or dead-lettered. Null when
    /// there are more than <paramref name="atMost"/>. An id that is not among them is not in the queue afterwards either,
    /// unless it is sent anew.
    /// </summary>
    /// <exception cref="BusUnavailableException">The bus can't be asked.</exception>
    Task<IReadOnlySet<string>?> MessageIdsAsync(string queue, int atMost, CancellationToken cancellationToken);
}
