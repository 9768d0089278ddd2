namespace MailFunctions.Core.Messages;

/// <summary>Blobs of accepted mail that neither a mailbox nor a relay job refers to.</summary>
public interface IUnreferencedBlobs
{
    /// <summary>
    /// Notes that a message's blob may have no reference: housekeeping looks, and removes it unless there is one or the bus
    /// still holds the message.
    /// </summary>
    /// <exception cref="StoreUnavailableException">It could not be noted.</exception>
    Task NoteAsync(string messageId, string blob, CancellationToken cancellationToken);
}
