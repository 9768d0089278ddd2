namespace MailFunctions.Core.Messages;

/// <summary>The container `messages`: each blob is written once and never rewritten (design §3.2).</summary>
public interface IMessageStore
{
    /// <summary>Begins a blob. Nothing is visible under its name before <see cref="IMessageUpload.CommitAsync"/>.</summary>
    /// <param name="blob">Its name.</param>
    /// <param name="room">Where what is not stored yet is held; null: in memory of the store's own.</param>
    IMessageUpload BeginUpload(string blob, MessageRoom? room = null);

    /// <summary>Opens a blob for reading from an offset on; null when there is none, or none that can ever be read.</summary>
    /// <exception cref="StoreUnavailableException">The store refused or did not answer in time; so do the reads of the stream.</exception>
    Task<Stream?> OpenReadAsync(string blob, long offset, CancellationToken cancellationToken);

    /// <summary>False when there was none.</summary>
    Task<bool> DeleteAsync(string blob, CancellationToken cancellationToken);
}

/// <summary>A blob on its way up. Disposed without a commit it leaves nothing behind and frees its buffers.</summary>
public interface IMessageUpload : IAsyncDisposable
{
    /// <summary>Octets taken so far.</summary>
    long Length { get; }

    /// <summary>Copies octets in; waits while the process-wide budget of bytes in flight is spent.</summary>
    /// <exception cref="NoRoomException">The budget stayed spent for longer than a message may wait.</exception>
    /// <exception cref="StoreUnavailableException">The store refused or did not answer in time.</exception>
    ValueTask WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken);

    /// <summary>Makes the blob visible (`If-None-Match: *`); a blob that this very upload wrote before counts as success.</summary>
    /// <exception cref="StoreUnavailableException">The store refused or did not answer in time.</exception>
    ValueTask CommitAsync(CancellationToken cancellationToken);
}
