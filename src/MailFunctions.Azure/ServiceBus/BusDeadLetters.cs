using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>
/// Dead letters by peeking, and one of them taken out by receiving: Service Bus locks by sequence number only what was
/// deferred, so those before it are received too and given back.
/// </summary>
internal sealed class BusDeadLetters(BusAccess bus) : IDeadLetters
{
    /// <summary>How far into the queue one is looked for.</summary>
    private const int MaxReceived = 1000;

    private const int ReceivedAtOnce = 50;

    /// <summary>Longest wait for the next messages while looking.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(2);

    public async Task<IReadOnlyList<DeadLetter>> PeekAsync(string queue, long from, int count, CancellationToken cancellationToken)
    {
        var receiver = Open(queue);
        await using (receiver)
        {
            var messages = await bus.RunAsync(queue, limited => receiver.PeekMessagesAsync(count, from, limited), cancellationToken);
            return [.. messages.Select(Read)];
        }
    }

    private ServiceBusReceiver Open(string queue) =>
        bus.Client.CreateReceiver(queue, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });

    private static DeadLetter Read(ServiceBusReceivedMessage message) => new(
        message.SequenceNumber, message.MessageId ?? "", message.EnqueuedTime, message.DeliveryCount,
        message.DeadLetterReason, message.DeadLetterErrorDescription, Body(message));

    /// <summary>Any client's: the SDK gives only the body that is made of octets.</summary>
    private static ReadOnlyMemory<byte> Body(ServiceBusReceivedMessage message)
    {
        var body = message.GetRawAmqpMessage().Body;
        return body.BodyType == AmqpMessageBodyType.Data ? message.Body.ToMemory()
            : body.TryGetValue(out var value) ? value switch
            {
                string text => System.Text.Encoding.UTF8.GetBytes(text),
                byte[] octets => octets,
                _ => default,
            }
            : default;
    }

    public Task<bool> ResubmitAsync(string queue, long sequenceNumber, CancellationToken cancellationToken) =>
        TakeAsync(queue, sequenceNumber, message => SendAgainAsync(queue, message, cancellationToken), cancellationToken);

    public Task<bool> DeleteAsync(string queue, long sequenceNumber, CancellationToken cancellationToken) =>
        TakeAsync(queue, sequenceNumber, _ => Task.CompletedTask, cancellationToken);

    private async Task SendAgainAsync(string queue, ServiceBusReceivedMessage message, CancellationToken cancellationToken)
    {
        var copy = new ServiceBusMessage(message) { MessageId = ResubmittedId.Of(message.MessageId, message.SequenceNumber) };
        if (message.ApplicationProperties.TryGetValue(BusSender.TraceProperty, out var trace))
        {
            copy.ApplicationProperties[BusSender.TraceProperty] = trace; // the SDK's copy begins a trace of its own
        }

        var sender = bus.Client.CreateSender(queue);
        await using (sender)
        {
            await bus.RunAsync(queue, limited => sender.SendMessageAsync(copy, limited), cancellationToken);
        }
    }

    private async Task<bool> TakeAsync(
        string queue, long sequenceNumber, Func<ServiceBusReceivedMessage, Task> use, CancellationToken cancellationToken)
    {
        // One that is not there needs no look through the queue.
        if (await PeekAsync(queue, sequenceNumber, 1, cancellationToken) is not [var first] || first.SequenceNumber != sequenceNumber)
        {
            return false;
        }

        var receiver = Open(queue);
        await using (receiver)
        {
            var others = new List<ServiceBusReceivedMessage>();
            try
            {
                while (others.Count < MaxReceived)
                {
                    var received = await bus.RunAsync(
                        queue, limited => receiver.ReceiveMessagesAsync(ReceivedAtOnce, Wait, limited), cancellationToken);
                    others.AddRange(received.Where(m => m.SequenceNumber != sequenceNumber));
                    if (received.FirstOrDefault(m => m.SequenceNumber == sequenceNumber) is { } message)
                    {
                        await use(message);
                        return await CompleteAsync(queue, receiver, message, cancellationToken);
                    }

                    if (received.Count == 0)
                    {
                        break;
                    }
                }
            }
            finally
            {
                await ReturnAsync(receiver, others);
            }
        }

        throw new BusUnavailableException(
            $"The dead letter {sequenceNumber} is locked by another client, or behind more than {MaxReceived} others: try again later.");
    }

    /// <summary>False when the lock was lost.</summary>
    private Task<bool> CompleteAsync(
        string queue, ServiceBusReceiver receiver, ServiceBusReceivedMessage message, CancellationToken cancellationToken) => bus.RunAsync(
        queue,
        async limited =>
        {
            try
            {
                await receiver.CompleteMessageAsync(message, limited);
                return true;
            }
            catch (ServiceBusException e) when (e.Reason == ServiceBusFailureReason.MessageLockLost)
            {
                return false;
            }
        },
        cancellationToken);

    /// <summary>As far as the bus lets us: what can't be given back is there again when its lock has run out.</summary>
    private static async Task ReturnAsync(ServiceBusReceiver receiver, List<ServiceBusReceivedMessage> messages)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            foreach (var message in messages)
            {
                await receiver.AbandonMessageAsync(message, cancellationToken: limit.Token);
            }
        }
        catch (Exception e) when (e is ServiceBusException or OperationCanceledException)
        {
            // A lock was lost, or the bus. The outcome of what was taken stands.
        }
    }
}
