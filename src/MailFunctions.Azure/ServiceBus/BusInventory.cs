using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Peeks a queue and its dead letters from end to end. A resubmitted message goes by its first id.</summary>
internal sealed class BusInventory(BusAccess bus) : IBusInventory
{
    private const int PeekedAtOnce = 250;

    public async Task<IReadOnlySet<string>?> MessageIdsAsync(string queue, int atMost, CancellationToken cancellationToken)
    {
        // A message that moves between the two while they are read is met in one of them: dead letters come first for one
        // that is resubmitted, and last for one that dies.
        var ids = new HashSet<string>();
        return await AddAsync(queue, SubQueue.DeadLetter, ids, atMost, cancellationToken)
            && await AddAsync(queue, SubQueue.None, ids, atMost, cancellationToken)
            && await AddAsync(queue, SubQueue.DeadLetter, ids, atMost, cancellationToken)
                ? ids
                : null;
    }

    private async Task<bool> AddAsync(string queue, SubQueue part, HashSet<string> ids, int atMost, CancellationToken cancellationToken)
    {
        var receiver = bus.Client.CreateReceiver(queue, new ServiceBusReceiverOptions { SubQueue = part });
        await using (receiver)
        {
            for (var from = 0L; ;)
            {
                var start = from;
                var messages = await bus.RunAsync(
                    queue, limited => receiver.PeekMessagesAsync(PeekedAtOnce, start, limited), cancellationToken);
                if (messages.Count == 0)
                {
                    return true;
                }

                ids.UnionWith(messages.Where(m => m.MessageId is not null).Select(m => ResubmittedId.Original(m.MessageId)));
                from = messages.Max(m => m.SequenceNumber) + 1;
                if (from <= start)
                {
                    throw new BusUnavailableException($"The bus gave messages of '{queue}' without their numbers.");
                }

                if (ids.Count > atMost)
                {
                    return false;
                }
            }
        }
    }
}
