using Amqp;
using Amqp.Types;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Peeks a queue and its dead letters from end to end. A resubmitted message goes by its first id.</summary>
internal sealed class ServiceBusInventory(BusClient client) : IBusInventory
{
    private const int PeekedAtOnce = 250;

    public async Task<IReadOnlySet<string>?> MessageIdsAsync(string queue, int atMost, CancellationToken cancellationToken)
    {
        // A message that moves between the two while they are read is met in one of them: dead letters come first for one
        // that is resubmitted, and last for one that dies.
        var ids = new HashSet<string>();
        return await AddAsync(queue + QueueNames.DeadLetterSuffix, ids, atMost, cancellationToken).ConfigureAwait(false)
            && await AddAsync(queue, ids, atMost, cancellationToken).ConfigureAwait(false)
            && await AddAsync(queue + QueueNames.DeadLetterSuffix, ids, atMost, cancellationToken).ConfigureAwait(false)
                ? ids
                : null;
    }

    private async Task<bool> AddAsync(string entity, HashSet<string> ids, int atMost, CancellationToken cancellationToken)
    {
        for (var from = 0L; ;)
        {
            var start = from;
            var answer = await client.WithRetryAsync(
                (connection, limited) => connection.AskAsync(
                    entity,
                    ManagementRequest.Create("peek-message", new Map { ["from-sequence-number"] = start, ["message-count"] = PeekedAtOnce }),
                    limited),
                cancellationToken).ConfigureAwait(false);
            switch (ManagementRequest.Status(answer))
            {
                case 204:
                    return true;
                case 200 when answer.Body is Map body && body["messages"] is List { Count: > 0 } messages:
                    foreach (Map entry in messages)
                    {
                        var encoded = (byte[])entry["message"];
                        var message = Message.Decode(new ByteBuffer(encoded, 0, encoded.Length, encoded.Length));
                        from = Math.Max(from, BusMessages.Annotation<long>(message, "x-opt-sequence-number") + 1);
                        if (message.Properties?.MessageId is { } id)
                        {
                            ids.Add(ResubmittedId.Original(id));
                        }
                    }

                    if (from == start)
                    {
                        throw new BusUnavailableException($"The bus gave messages of '{entity}' without their numbers.");
                    }

                    break;
                case 200:
                    return true;
                case var status:
                    throw new BusUnavailableException($"The bus answered {status} when '{entity}' was to be looked through.");
            }

            if (ids.Count > atMost)
            {
                return false;
            }
        }
    }
}
