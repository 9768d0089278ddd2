
namespace MailFunctions.Core.Mailboxes;

/// <summary>
/// A locked maildrop as it was at login: messages delivered later are not in it. Disposing gives the lock back and
/// deletes nothing. Methods throw <see cref="Messages.StoreUnavailableException"/>.
/// </summary>
public interface IMaildrop : IAsyncDisposable
{
    /// <summary>From the `state` row alone.</summary>
    long Count { get; }

    /// <summary>Sum of the sizes, octets; from the `state` row alone.</summary>
    long Bytes { get; }

    /// <summary>The part of a unique id that names this mailbox for ever: printable ASCII, at most 50 octets (RFC 1939 §7).</summary>
    string UniqueIdPrefix { get; }

    /// <summary>False once the lock was lost: the session must end without deleting.</summary>
    bool IsLocked { get; }

    /// <summary>Messages by ascending uid, one partition query, page by page.</summary>
    IAsyncEnumerable<IReadOnlyList<MaildropMessage>> ListAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Opens a message: prologue, blob, and a final CRLF where the blob has none. Null when the row or the blob is gone
    /// (`[SYS/PERM]`); that is traced for the postmaster.
    /// </summary>
    /// <param name="next">Read ahead within a bounded buffer. Its memory is the caller's again on return.</param>
    ValueTask<IMaildropContent?> OpenMessageAsync(uint uid, LikelyNext next, CancellationToken cancellationToken);

    /// <summary>The client has had the whole of a message: for accounts whose fetched mail goes after some days.</summary>
    void MarkFetched(uint uid);

    /// <summary>Moves messages to `del:` rows, 100 a transaction; returns how many of them, in order, are deleted now.</summary>
    ValueTask<int> DeleteAsync(IReadOnlyList<uint> uids, CancellationToken cancellationToken);
}

/// <summary>What a session needs to know of a message, 16 octets each.</summary>
public readonly record struct MaildropMessage(uint Uid, long Size);

/// <summary>The messages that a client will probably ask for next (docs/reading-ahead.md).</summary>
/// <param name="Uids">In the order in which it will.</param>
/// <param name="Reach">Messages from the one that is asked for now to the farthest of them: uids have gaps, so they do not say it.</param>
public readonly record struct LikelyNext(ReadOnlyMemory<uint> Uids, int Reach);
