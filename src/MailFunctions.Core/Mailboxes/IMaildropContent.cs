
namespace MailFunctions.Core.Mailboxes;

/// <summary>A message being read, in pieces.</summary>
public interface IMaildropContent : IAsyncDisposable
{
    /// <summary>Equals the size listed.</summary>
    long Size { get; }

    /// <summary>The next piece, empty at the end; valid until the next call.</summary>
    ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken);
}
