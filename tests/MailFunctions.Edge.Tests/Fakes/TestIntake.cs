using System.Collections.Concurrent;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>Keeps what was accepted.</summary>
internal sealed class TestIntake : IMessageIntake
{
    private readonly ConcurrentQueue<(InboundEnvelope Envelope, byte[] Content)> _accepted = new();

    public IReadOnlyList<(InboundEnvelope Envelope, byte[] Content)> Accepted => [.. _accepted];

    public IIncomingMessage Begin(string id, DateTimeOffset receivedAt, MessageRoom room) =>
        new Incoming(this, MessageName.BlobFor(id, receivedAt));

    private sealed class Incoming(TestIntake intake, string blob) : IIncomingMessage
    {
        private readonly MemoryStream _content = new();

        public long Length => _content.Length;

        public string Blob => blob;

        public ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
        {
            _content.Write(octets.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask<IntakeResult> CommitAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
        {
            intake._accepted.Enqueue((envelope, _content.ToArray()));
            return ValueTask.FromResult(IntakeResult.Accepted);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
