using System.Collections.Concurrent;
using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Sends by the SDK. Its second try may send twice: duplicate detection knows the MessageId.</summary>
internal sealed class BusSender(BusAccess bus) : IBusSender
{
    /// <summary>The SDK's own name. It sets this property only when it is not there yet.</summary>
    public const string TraceProperty = "Diagnostic-Id";

    private readonly ConcurrentDictionary<string, ServiceBusSender> _queues = new(); // closed with the client

    public Task OpenAsync(string queue, CancellationToken cancellationToken) => bus.RunAsync(
        queue,
        async limited =>
        {
            // The size of a batch comes with the link, and the sender keeps it: only a new sender asks the bus each time.
            using var ahead = await Sender(queue).CreateMessageBatchAsync(limited);
            var asking = bus.Client.CreateSender(queue);
            await using (asking)
            {
                using var answered = await asking.CreateMessageBatchAsync(limited);
            }
        },
        cancellationToken);

    public Task SendAsync(string queue, BusMessage message, CancellationToken cancellationToken) =>
        bus.RunAsync(queue, limited => Sender(queue).SendMessageAsync(ToMessage(message), limited), cancellationToken);

    public async Task SendBatchAsync(string queue, IReadOnlyList<BusMessage> messages, CancellationToken cancellationToken)
    {
        var sender = Sender(queue);
        for (var next = 0; next < messages.Count;)
        {
            using var batch = await bus.RunAsync(
                queue, limited => sender.CreateMessageBatchAsync(limited).AsTask(), cancellationToken);
            while (next < messages.Count && batch.TryAddMessage(ToMessage(messages[next])))
            {
                next++;
            }

            if (batch.Count == 0)
            {
                var message = messages[next];
                throw new ArgumentException(
                    $"The message {message.MessageId} has {message.Body.Length} octets; the bus takes {batch.MaxSizeInBytes}.",
                    nameof(messages));
            }

            await bus.RunAsync(queue, limited => sender.SendMessagesAsync(batch, limited), cancellationToken);
        }
    }

    private ServiceBusSender Sender(string queue) => _queues.GetOrAdd(queue, static (q, client) => client.CreateSender(q), bus.Client);

    private static ServiceBusMessage ToMessage(BusMessage message)
    {
        var made = new ServiceBusMessage(message.Body) { MessageId = message.MessageId, ContentType = "application/json" };
        if (message.ScheduledEnqueueTime is { } at)
        {
            made.ScheduledEnqueueTime = at;
        }

        if (message.TraceParent is { } trace)
        {
            made.ApplicationProperties[TraceProperty] = trace;
        }

        return made;
    }
}
