using Amqp;
using Amqp.Types;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>
/// Dead letters by peeking, and one of them taken out by receiving: Service Bus locks by sequence number only what was
/// deferred, so those before it are received too and given back.
/// </summary>
internal sealed class ServiceBusDeadLetters(BusClient client, IBusReceiverFactory receivers, IBusSender sender) : IDeadLetters
{
    /// <summary>How far into the queue one is looked for.</summary>
    private const int MaxReceived = 1000;

    /// <summary>Longest wait for the next message while looking.</summary>
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(2);

    public async Task<IReadOnlyList<DeadLetter>> PeekAsync(string queue, long from, int count, CancellationToken cancellationToken)
    {
        var answer = await client.WithRetryAsync(
            (connection, limited) => connection.AskAsync(
                queue + QueueNames.DeadLetterSuffix,
                ManagementRequest.Create("peek-message", new Map { ["from-sequence-number"] = from, ["message-count"] = count }),
                limited),
            cancellationToken).ConfigureAwait(false);
        if (ManagementRequest.Status(answer) == 204)
        {
            return [];
        }

        ManagementRequest.ThrowUnlessSuccess(answer, "show dead letters");
        return answer.Body is Map body ? [.. ((List)body["messages"]).Cast<Map>().Select(m => Read((byte[])m["message"]))] : [];
    }

    private static DeadLetter Read(byte[] encoded)
    {
        var message = Message.Decode(new ByteBuffer(encoded, 0, encoded.Length, encoded.Length));
        return new DeadLetter(
            BusMessages.Annotation<long>(message, "x-opt-sequence-number"),
            message.Properties?.GetMessageId()?.ToString() ?? "",
            new DateTimeOffset(DateTime.SpecifyKind(BusMessages.Annotation<DateTime>(message, "x-opt-enqueued-time"), DateTimeKind.Utc)),
            (int)(message.Header?.DeliveryCount ?? 0),
            message.ApplicationProperties?["DeadLetterReason"] as string,
            message.ApplicationProperties?["DeadLetterErrorDescription"] as string,
            BusMessages.Body(message));
    }

    public Task<bool> ResubmitAsync(string queue, long sequenceNumber, CancellationToken cancellationToken) =>
        TakeAsync(queue, sequenceNumber, message => sender.SendAsync(queue, Copy(message), cancellationToken), cancellationToken);

    public Task<bool> DeleteAsync(string queue, long sequenceNumber, CancellationToken cancellationToken) =>
        TakeAsync(queue, sequenceNumber, _ => Task.CompletedTask, cancellationToken);

    private static BusMessage Copy(IReceivedMessage message) => new(ResubmittedId.Of(message.MessageId, message.SequenceNumber), message.Body)
    {
        TraceParent = message.ApplicationProperties.GetValueOrDefault("Diagnostic-Id") as string,
    };

    private async Task<bool> TakeAsync(string queue, long sequenceNumber, Func<IReceivedMessage, Task> use, CancellationToken cancellationToken)
    {
        // One that is not there needs no look through the queue.
        if (await PeekAsync(queue, sequenceNumber, 1, cancellationToken).ConfigureAwait(false) is not [var first] || first.SequenceNumber != sequenceNumber)
        {
            return false;
        }

        var receiver = receivers.OpenReceiver(queue + QueueNames.DeadLetterSuffix, prefetch: 0);
        await using (receiver.ConfigureAwait(false))
        {
            var others = new List<IReceivedMessage>();
            try
            {
                while (others.Count < MaxReceived && await receiver.ReceiveAsync(Wait, cancellationToken).ConfigureAwait(false) is { } message)
                {
                    if (message.SequenceNumber == sequenceNumber)
                    {
                        await use(message).ConfigureAwait(false);
                        return await receiver.CompleteAsync(message, cancellationToken).ConfigureAwait(false);
                    }

                    others.Add(message);
                }
            }
            finally
            {
                foreach (var other in others)
                {
                    await receiver.AbandonAsync(other, CancellationToken.None).ConfigureAwait(false);
                }
            }
        }

        throw new BusUnavailableException($"The dead letter {sequenceNumber} is locked by somebody else, or behind more than {MaxReceived} others: try again later.");
    }
}
