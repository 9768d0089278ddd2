using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Messages;

/// <summary>Where the SMTP session puts a message: the claim check of design §1.</summary>
public interface IMessageIntake
{
    /// <summary>Begins taking one message, whose octets are held in this room.</summary>
    IIncomingMessage Begin(string id, DateTimeOffset receivedAt, MessageRoom room);
}

/// <summary>A message being taken in. Disposed without a commit it is never delivered.</summary>
public interface IIncomingMessage : IAsyncDisposable
{
    /// <summary>Octets taken so far.</summary>
    long Length { get; }

    /// <summary>The blob that the envelope has to name.</summary>
    string Blob { get; }

    /// <summary>Takes octets; waits while the process has too many of them in flight. The memory is the caller's again on return.</summary>
    /// <exception cref="IOException">The store failed: the message can't be accepted now (`451 4.3.0`).</exception>
    ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken);

    /// <summary>Commits blob, then envelope. Only <see cref="IntakeResult.Accepted"/> may be answered with `250`.</summary>
    ValueTask<IntakeResult> CommitAsync(InboundEnvelope envelope, CancellationToken cancellationToken);
}

/// <summary>What became of a message that was taken in whole.</summary>
public enum IntakeResult
{
    /// <summary>Blob committed and bus send settled: the message is ours to lose.</summary>
    Accepted,

    /// <summary>Store or bus failed or did not answer: `451 4.3.0`, the client keeps the message.</summary>
    Unavailable,
}
