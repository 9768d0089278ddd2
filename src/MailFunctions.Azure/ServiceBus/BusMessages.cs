using System.Runtime.InteropServices;
using Amqp;
using Amqp.Framing;
using Amqp.Types;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Between Core's messages and AMQP's.</summary>
internal static class BusMessages
{
    /// <summary>Service Bus's message format for a batch: one data section per encoded message.</summary>
    public const uint BatchFormat = 0x80013700;

    /// <summary>Room that a batch needs for itself and for each message's data section, octets.</summary>
    private const int SectionOverhead = 16;

    public static Message Encode(BusMessage message)
    {
        var encoded = new Message
        {
            Properties = new Properties { MessageId = message.MessageId, ContentType = "application/json" },
            BodySection = Section(message.Body),
        };
        if (message.ScheduledEnqueueTime is { } at)
        {
            encoded.MessageAnnotations = new MessageAnnotations();
            encoded.MessageAnnotations[(Symbol)"x-opt-scheduled-enqueue-time"] = at.UtcDateTime;
        }

        if (message.TraceParent is { } trace)
        {
            encoded.ApplicationProperties = new ApplicationProperties();
            encoded.ApplicationProperties["Diagnostic-Id"] = trace;
        }

        return encoded;
    }

    public static byte[] EncodeToBytes(BusMessage message)
    {
        var buffer = Encode(message).Encode();
        return buffer.Buffer.AsSpan(buffer.Offset, buffer.Length).ToArray();
    }

    /// <summary>Packs messages into as few batches as <paramref name="maxOctets"/> allows.</summary>
    /// <exception cref="ArgumentException">A single message is larger than that.</exception>
    public static IEnumerable<List<byte[]>> Pack(IEnumerable<BusMessage> messages, long maxOctets)
    {
        var batch = new List<byte[]>();
        long octets = SectionOverhead;
        foreach (var message in messages)
        {
            var encoded = EncodeToBytes(message);
            if (encoded.Length + (2 * SectionOverhead) > maxOctets)
            {
                throw new ArgumentException($"The message {message.MessageId} has {encoded.Length} octets; the bus takes {maxOctets}.", nameof(messages));
            }

            if (octets + encoded.Length + SectionOverhead > maxOctets)
            {
                yield return batch;
                (batch, octets) = ([], SectionOverhead);
            }

            batch.Add(encoded);
            octets += encoded.Length + SectionOverhead;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    public static Message Batch(List<byte[]> encoded)
    {
        var sections = new DataList();
        foreach (var message in encoded)
        {
            sections.Add(new Data { Binary = message });
        }

        return new Message { Format = BatchFormat, BodySection = sections };
    }

    private static Data Section(ReadOnlyMemory<byte> octets) => MemoryMarshal.TryGetArray(octets, out var array)
        ? new Data { Buffer = new ByteBuffer(array.Array!, array.Offset, array.Count, array.Count) }
        : new Data { Binary = octets.ToArray() };

    public static ReadOnlyMemory<byte> Body(Message message) => message.BodySection switch
    {
        Data { Binary: { } octets } => octets,
        Data { Buffer: { } buffer } => buffer.Buffer.AsMemory(buffer.Offset, buffer.Length),
        DataList list => Enumerable.Range(0, list.Count).SelectMany(i => list[i].Binary).ToArray(),
        AmqpValue { Value: string text } => System.Text.Encoding.UTF8.GetBytes(text),
        AmqpValue { Value: byte[] octets } => octets,
        _ => default,
    };

    public static T? Annotation<T>(Message message, string name) =>
        message.MessageAnnotations?.Map is { } map && map.TryGetValue((Symbol)name, out var value) && value is T typed ? typed : default;
}

/// <summary>A message under peek-lock.</summary>
internal sealed class ReceivedMessage(ReceiverLink link, Message message, Guid lockToken) : IReceivedMessage
{
    private Message? _unsettled = message;

    /// <summary>
    /// Ends the delivery on its link too, after `$management` has settled the message: the session would keep it for
    /// ever. The lock is gone by then, so this changes nothing in the queue; were it not, the message would come again.
    /// </summary>
    public void Forget()
    {
        if (Interlocked.Exchange(ref _unsettled, null) is { } delivered && !link.IsClosed)
        {
            try
            {
                link.Release(delivered);
            }
            catch (AmqpException)
            {
                // The link went in this moment, and the delivery with it.
            }
        }
    }

    public string MessageId { get; } = message.Properties?.GetMessageId()?.ToString() ?? "";

    public ReadOnlyMemory<byte> Body { get; } = BusMessages.Body(message);

    public long SequenceNumber { get; } = BusMessages.Annotation<long>(message, "x-opt-sequence-number");

    public DateTimeOffset EnqueuedTime { get; } = Utc(BusMessages.Annotation<DateTime>(message, "x-opt-enqueued-time"));

    public DateTimeOffset LockedUntil { get; internal set; } = Utc(BusMessages.Annotation<DateTime>(message, "x-opt-locked-until"));

    public Guid LockToken => lockToken;

    public int DeliveryCount { get; } = (int)(message.Header?.DeliveryCount ?? 0) + 1;

    public IReadOnlyDictionary<string, object?> ApplicationProperties { get; } =
        message.ApplicationProperties?.Map.ToDictionary(p => p.Key.ToString()!, p => (object?)p.Value) ?? [];

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));
}
