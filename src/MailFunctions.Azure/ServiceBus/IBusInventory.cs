using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Looks through a queue without taking anything out of it.</summary>
internal interface IBusInventory
{
    /// <summary>
    /// The ids of all messages that a queue holds in any state: waiting, locked, scheduled or dead-lettered. Null when
    /// there are more than <paramref name="atMost"/>. An id that is not among them is not in the queue afterwards either,
    /// unless it is sent anew.
    /// </summary>
    /// <exception cref="BusUnavailableException">The bus can't be asked.</exception>
    Task<IReadOnlySet<string>?> MessageIdsAsync(string queue, int atMost, CancellationToken cancellationToken);
}
