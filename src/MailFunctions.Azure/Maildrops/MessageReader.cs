using System.Text;
using MailFunctions.Azure.Blobs;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Maildrops;

/// <summary>
/// Opens the messages of one maildrop, and has those that will probably be asked for next on their way before they
/// are: rows by one query for many, small blobs into a bounded buffer shared by all sessions.
/// </summary>
internal sealed class MessageReader(MessageRows rows, IMessageStore store, ByteBudget readAhead, UnreadableMail unreadable) : IAsyncDisposable
{
    /// <summary>Messages larger than this are streamed when they are asked for.</summary>
    public const long LargestReadAhead = 256 * 1024;

    /// <summary>Messages of one session read ahead at once.</summary>
    public const int ReadAheadCount = 16;

    private readonly Dictionary<uint, Task<BufferedContent?>> _ahead = [];
    private readonly CancellationTokenSource _end = new();

    public async ValueTask<IMaildropContent?> OpenAsync(uint uid, ReadOnlyMemory<uint> likelyNext, CancellationToken cancellationToken)
    {
        if (await rows.FindAsync(uid, likelyNext, cancellationToken).ConfigureAwait(false) is not { } row)
        {
            await unreadable.TellOfRowAsync(uid, cancellationToken).ConfigureAwait(false);
            return null;
        }

        await ForgetUnlikelyAsync(uid, likelyNext).ConfigureAwait(false);
        if (!_ahead.TryGetValue(uid, out var read))
        {
            var opening = OpenAsync(row, cancellationToken);
            StartAhead(likelyNext.Span);
            return await TellAsync(await opening.ConfigureAwait(false), row, cancellationToken).ConfigureAwait(false);
        }

        StartAhead(likelyNext.Span);

        // It stays ours to dispose of until it is there: the caller may give up waiting.
        await ((Task)read).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        _ahead.Remove(uid);
        return read.IsCompletedSuccessfully && read.Result is { } content
            ? content
            : await TellAsync(await OpenAsync(row, cancellationToken).ConfigureAwait(false), row, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<IMaildropContent?> TellAsync(IMaildropContent? content, MailboxEntry row, CancellationToken cancellationToken)
    {
        if (content is null)
        {
            await unreadable.TellAsync(row, cancellationToken).ConfigureAwait(false);
        }

        return content;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        foreach (var read in _ahead.Values)
        {
            await DisposeOfAsync(read).ConfigureAwait(false);
        }

        _ahead.Clear();
        _end.Dispose();
    }

    private void StartAhead(ReadOnlySpan<uint> likelyNext)
    {
        foreach (var uid in likelyNext)
        {
            if (_ahead.Count >= ReadAheadCount)
            {
                return;
            }

            if (!_ahead.ContainsKey(uid) && rows.Known(uid) is { Size: <= LargestReadAhead } row)
            {
                _ahead[uid] = ReadAheadAsync(row);
            }
        }
    }

    /// <summary>A client that goes on elsewhere does not leave messages behind that hold room and are never asked for.</summary>
    private async ValueTask ForgetUnlikelyAsync(uint uid, ReadOnlyMemory<uint> likelyNext)
    {
        if (likelyNext.IsEmpty)
        {
            return; // a look at one message: it does not say where the client goes on
        }

        foreach (var (other, read) in _ahead.Where(a => a.Key != uid && a.Value.IsCompleted && !likelyNext.Span.Contains(a.Key)).ToList())
        {
            _ahead.Remove(other);
            await DisposeOfAsync(read).ConfigureAwait(false);
        }
    }

    private static async ValueTask DisposeOfAsync(Task<BufferedContent?> read)
    {
        await ((Task)read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (read.IsCompletedSuccessfully && read.Result is { } content)
        {
            await content.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Null when there is no blob or no room: the message is opened when its turn comes.</summary>
    private async Task<BufferedContent?> ReadAheadAsync(MailboxEntry row)
    {
        var content = await OpenAsync(row, _end.Token).ConfigureAwait(false);
        if (content is null)
        {
            return null;
        }

        var held = new SegmentBuffer(readAhead);
        var whole = false;
        try
        {
            await using (content.ConfigureAwait(false))
            {
                while (await content.ReadAsync(_end.Token).ConfigureAwait(false) is { IsEmpty: false } piece)
                {
                    for (var taken = held.Append(piece.Span); taken < piece.Length; taken += held.Append(piece.Span[taken..]))
                    {
                        if (!held.TryGrow())
                        {
                            return null;
                        }
                    }
                }
            }

            whole = true;
            return new BufferedContent(row.Size, held);
        }
        finally
        {
            if (!whole)
            {
                held.Dispose();
            }
        }
    }

    private async Task<IMaildropContent?> OpenAsync(MailboxEntry row, CancellationToken cancellationToken)
    {
        var blob = await store.OpenReadAsync(row.Blob, 0, cancellationToken).ConfigureAwait(false);
        return blob is null
            ? null
            : new StreamedContent(row.Size, Encoding.UTF8.GetBytes(row.Prologue), blob, row.LacksFinalLineBreak);
    }
}
