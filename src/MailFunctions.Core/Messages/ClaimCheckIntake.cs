using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Messages;

/// <summary>The claim check: the message into one blob, then its envelope onto `mail-inbound` (design §1, steps 1 and 2).</summary>
public sealed class ClaimCheckIntake(IMessageStore store, IBusSender bus) : IMessageIntake
{
    public IIncomingMessage Begin(string id, DateTimeOffset receivedAt, MessageRoom room)
    {
        var blob = MessageName.BlobFor(id, receivedAt);
        return new Incoming(store.BeginUpload(blob, room), blob, bus);
    }

    private sealed class Incoming(IMessageUpload upload, string blob, IBusSender bus) : IIncomingMessage
    {
        public long Length => upload.Length;

        public string Blob => blob;

        public ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken) =>
            upload.WriteAsync(octets, cancellationToken);

        public async ValueTask<IntakeResult> CommitAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
        {
            try
            {
                await upload.CommitAsync(cancellationToken);
                await bus.SendAsync(QueueNames.Inbound, InboundMessage.For(envelope), cancellationToken);
                return IntakeResult.Accepted;
            }
            catch (Exception e) when (e is StoreUnavailableException or BusUnavailableException)
            {
                // The blob may be there without an announcement: Housekeeping removes such orphans.
                return IntakeResult.Unavailable;
            }
        }

        public ValueTask DisposeAsync() => upload.DisposeAsync();
    }
}
