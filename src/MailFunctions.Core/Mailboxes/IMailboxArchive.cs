using MailFunctions.Core.Storage;

namespace MailFunctions.Core.Mailboxes;

/// <summary>
/// The postmaster's side of a mailbox: what is in it, what was deleted and can come back, and the messages themselves.
/// Methods throw <see cref="Messages.StoreUnavailableException"/>.
/// </summary>
public interface IMailboxArchive
{
    /// <summary>A page of messages, newest first; usually one partition query.</summary>
    /// <param name="deleted">Those that were deleted and are still kept, instead of those in the mailbox.</param>
    /// <param name="continuation">The uid that the page before ended with.</param>
    Task<ListPage<MailboxEntry>> ListAsync(
        string mailboxId, bool deleted, int top, uint? continuation, CancellationToken cancellationToken);

    /// <summary>
    /// Every message in the mailbox with a greater uid than <paramref name="after"/>, oldest first, a page of rows in memory
    /// at a time.
    /// </summary>
    IAsyncEnumerable<MailboxEntry> ReadAllAsync(string mailboxId, uint after, CancellationToken cancellationToken);

    /// <summary>One point read, and another one of the deleted messages when it is not in the mailbox.</summary>
    Task<MailboxEntry?> FindAsync(string mailboxId, uint uid, CancellationToken cancellationToken);

    /// <summary>Opens a message as a client would get it; null when its blob is gone.</summary>
    Task<IMaildropContent?> OpenAsync(MailboxEntry entry, CancellationToken cancellationToken);

    /// <summary>
    /// Puts a deleted message back in one transaction, under a new uid: clients that know the old one would not look at
    /// it again. Gives the new uid, or null when there is no such deleted message.
    /// </summary>
    Task<uint?> RestoreAsync(string mailboxId, uint uid, CancellationToken cancellationToken);
}
