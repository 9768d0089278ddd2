namespace MailFunctions.Core.Messages;

/// <summary>Mail that was accepted and that neither a mailbox nor a job of the relay holds.</summary>
public interface IUnkeptMail
{
    /// <summary>
    /// Says that a message's blob may have no reference: housekeeping looks, and removes it unless somebody needs it or
    /// the bus still holds the message.
    /// </summary>
    /// <exception cref="StoreUnavailableException">To be said again.</exception>
    Task NoteAsync(string messageId, string blob, CancellationToken cancellationToken);
}
