using Amqp;
using Amqp.Framing;
using Amqp.Handler;
using Amqp.Types;
using MailFunctions.Local.Bus.Store;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>A message as a receiver gets it: what the sender wrote, with the service's annotations.</summary>
internal sealed class LockedMessage : Message
{
    private LockedMessage(StoredMessage stored) => Stored = stored;

    public StoredMessage Stored { get; }

    /// <param name="isLooking">Peeking is no delivery: the header counts those that there have been, else those before this one.</param>
    public static LockedMessage From(StoredMessage stored, bool isLooking = false)
    {
        var sent = Decode(new ByteBuffer(stored.Body, 0, stored.Body.Length, stored.Body.Length));
        var message = new LockedMessage(stored)
        {
            Header = sent.Header ?? new Header(),
            MessageAnnotations = sent.MessageAnnotations ?? new MessageAnnotations(),
            Properties = sent.Properties,
            ApplicationProperties = sent.ApplicationProperties,
            BodySection = sent.BodySection,
            Footer = sent.Footer,
        };
        message.Header.DeliveryCount = (uint)Math.Max(0, stored.DeliveryCount - (isLooking ? 0 : 1)); // AMQP 1.0 §3.2.1: 0 the first time
        var annotations = message.MessageAnnotations;
        annotations[(Symbol)"x-opt-sequence-number"] = stored.Sequence;
        annotations[(Symbol)"x-opt-enqueue-sequence-number"] = stored.Sequence;
        annotations[(Symbol)"x-opt-enqueued-time"] = stored.EnqueuedAt;
        annotations[(Symbol)"x-opt-message-state"] = (int)stored.State;
        if (stored.ScheduledFor is { } scheduled)
        {
            annotations[(Symbol)"x-opt-scheduled-enqueue-time"] = scheduled;
        }

        if (stored.LockToken != Guid.Empty)
        {
            annotations[(Symbol)"x-opt-locked-until"] = stored.LockedUntil;
        }

        if (stored.DeadLetterSource is { } source)
        {
            annotations[(Symbol)"x-opt-deadletter-source"] = source;
            message.ApplicationProperties ??= new ApplicationProperties();
            message.ApplicationProperties["DeadLetterReason"] = stored.DeadLetterReason;
            message.ApplicationProperties["DeadLetterErrorDescription"] = stored.DeadLetterDescription;
        }

        return message;
    }

    public byte[] ToBytes()
    {
        var encoded = Encode();
        return encoded.Buffer.AsSpan(encoded.Offset, encoded.Length).ToArray();
    }
}

/// <summary>Turns what senders transfer into what the store keeps.</summary>
internal static class SentMessages
{
    /// <summary>Service Bus's message format for a batch: one data section per encoded message.</summary>
    public const uint BatchFormat = 0x80013700;

    /// <exception cref="AmqpException">A section can't be decoded.</exception>
    public static List<NewMessage> From(Message transfer)
    {
        if (transfer.Format != BatchFormat)
        {
            return [From(transfer, Encoded(transfer))];
        }

        return transfer.Body switch
        {
            Data[] sections => [.. sections.Select(s => From(Octets(s)))],
            byte[] single => [From(single)],
            _ => throw new AmqpException(ErrorCode.DecodeError, "A batch is made of data sections."),
        };
    }

    /// <summary>One encoded message, as batches and `schedule-message` carry it.</summary>
    public static NewMessage From(byte[] encoded) =>
        From(Message.Decode(new ByteBuffer(encoded, 0, encoded.Length, encoded.Length)), encoded);

    private static NewMessage From(Message message, byte[] encoded)
    {
        var scheduled = message.MessageAnnotations?.Map is { } annotations
            && annotations.TryGetValue((Symbol)"x-opt-scheduled-enqueue-time", out var at)
            ? at as DateTime?
            : null;
        var ttl = message.Header is { Ttl: > 0 and < uint.MaxValue } header ? TimeSpan.FromMilliseconds(header.Ttl) : (TimeSpan?)null;
        if (message.Properties?.GetMessageId() is { } id)
        {
            return new NewMessage(id.ToString()!, encoded, scheduled, ttl);
        }

        // The service gives a message id when the sender gave none.
        message.Properties ??= new Properties();
        message.Properties.MessageId = Guid.NewGuid().ToString("N");
        return new NewMessage(message.Properties.MessageId, Encoded(message), scheduled, ttl);
    }

    /// <summary>
    /// Sets application properties, as a receiver may that abandons, defers or dead-letters a message. Null when it changes none.
    /// </summary>
    public static Func<byte[], byte[]>? Rewriting(IEnumerable<KeyValuePair<object, object>>? changes)
    {
        var properties = changes?.ToList() ?? [];
        return properties.Count == 0 ? null : Rewrite;

        byte[] Rewrite(byte[] encoded)
        {
            var message = Message.Decode(new ByteBuffer(encoded, 0, encoded.Length, encoded.Length));
            message.ApplicationProperties ??= new ApplicationProperties();
            foreach (var (key, value) in properties)
            {
                message.ApplicationProperties[key.ToString()!] = value;
            }

            return Encoded(message);
        }
    }

    private static byte[] Octets(Data section) =>
        section.Binary ?? section.Buffer.Buffer.AsSpan(section.Buffer.Offset, section.Buffer.Length).ToArray();

    private static byte[] Encoded(Message message)
    {
        var encoded = message.Encode();
        return encoded.Buffer.AsSpan(encoded.Offset, encoded.Length).ToArray();
    }
}

/// <summary>Makes the lock token the delivery tag, in the order of .NET's `Guid.ToByteArray()`.</summary>
internal sealed class LockTokenTags : IHandler
{
    public bool CanHandle(Amqp.Handler.EventId id) => id == Amqp.Handler.EventId.SendDelivery;

    public void Handle(Event protocolEvent)
    {
        if (protocolEvent.Id == Amqp.Handler.EventId.SendDelivery
            && protocolEvent.Context is IDelivery { Message: LockedMessage { Stored.LockToken: var token } } delivery
            && token != Guid.Empty)
        {
            delivery.Tag = token.ToByteArray();
        }
    }
}
