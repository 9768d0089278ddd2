using System.Text;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Messages;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Maildrops;

/// <summary>
/// Opens the messages of one maildrop, and has those that will probably be asked for next on their way before they
/// are: the rows of neighbours by one query for many, small blobs into a bounded buffer shared by all sessions.
/// </summary>
internal sealed class MessageReader(
    MessageRows rows, IMessageStore store, ReadAheadBudget readAhead, UnreadableMail unreadable, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Messages larger than this are streamed when they are asked for.</summary>
    public const long LargestReadAhead = 256 * 1024;

    /// <summary>Messages of one session read ahead at once.</summary>
    public const int ReadAheadCount = 16;

    /// <summary>A session that has asked for no message for so long keeps none from the others.</summary>
    public static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(5);

    private readonly Dictionary<uint, Task<BufferedContent?>> _ahead = []; // its own lock: another session may clear it
    private readonly CancellationTokenSource _end = new();
    private long _asked;

    public async ValueTask<IMaildropContent?> OpenAsync(uint uid, LikelyNext next, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _asked, time.GetTimestamp());
        if (await rows.FindAsync(uid, next, cancellationToken) is not { } row)
        {
            await unreadable.ReportRowAsync(uid, cancellationToken);
            return null;
        }

        ForgetUnlikely(uid, next.Uids.Span);
        Task<BufferedContent?>? read;
        lock (_ahead)
        {
            _ahead.TryGetValue(uid, out read);
        }

        if (read is null)
        {
            var opening = OpenAsync(row, cancellationToken);
            StartAhead(uid, next);
            return await ReportAsync(await opening, row, cancellationToken);
        }

        StartAhead(uid, next);

        // It stays ours to dispose of until it is there: the caller may give up waiting.
        await ((Task)read).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return Take(uid) is { IsCompletedSuccessfully: true, Result: { } content }
            ? content
            : await ReportAsync(await OpenAsync(row, cancellationToken), row, cancellationToken);
    }

    /// <summary>
    /// For another session that has no room. The message that is being sent is not among what is held here.
    /// </summary>
    /// <returns>Nothing is held any more.</returns>
    public bool LetGoIfIdle()
    {
        if (time.GetElapsedTime(Volatile.Read(ref _asked)) < IdleAfter)
        {
            return false;
        }

        lock (_ahead)
        {
            foreach (var (uid, read) in _ahead)
            {
                if (read.IsCompleted)
                {
                    _ahead.Remove(uid);
                    DisposeOf(read);
                }
            }

            return _ahead.Count == 0;
        }
    }

    private async ValueTask<IMaildropContent?> ReportAsync(IMaildropContent? content, MailboxEntry row, CancellationToken cancellationToken)
    {
        if (content is null)
        {
            await unreadable.ReportAsync(row, cancellationToken);
        }

        return content;
    }

    public async ValueTask DisposeAsync()
    {
        readAhead.Leave(this);
        await _end.CancelAsync();
        foreach (var read in _ahead.Values)
        {
            await ((Task)read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            DisposeOf(read);
        }

        _ahead.Clear();
        _end.Dispose();
    }

    private void StartAhead(uint uid, LikelyNext next)
    {
        var areNear = MessageRows.AreNear(uid, next);
        foreach (var ahead in next.Uids.Span)
        {
            lock (_ahead)
            {
                if (_ahead.Count >= ReadAheadCount)
                {
                    return;
                }

                if (_ahead.ContainsKey(ahead))
                {
                    continue;
                }
            }

            Task<BufferedContent?> read;
            if (rows.Known(ahead) is { } row)
            {
                if (row.Size > LargestReadAhead)
                {
                    continue;
                }

                // The room comes first: a blob that would not fit is opened once, when its turn comes.
                var cost = SegmentBuffer.CostOf(row.Size);
                if (!readAhead.TryTake(cost))
                {
                    return;
                }

                read = ReadAheadAsync(row, cost);
            }
            else if (!areNear)
            {
                read = ReadAheadAsync(rows.BeginFind(ahead));
            }
            else
            {
                continue; // its row comes with those of its neighbours
            }

            lock (_ahead)
            {
                _ahead[ahead] = read;
            }

            readAhead.Join(this);
        }
    }

    /// <summary>A client that goes on elsewhere does not leave messages behind that hold room and are never asked for.</summary>
    private void ForgetUnlikely(uint uid, ReadOnlySpan<uint> likelyNext)
    {
        if (likelyNext.IsEmpty)
        {
            return; // a look at one message: it does not say where the client goes on
        }

        lock (_ahead)
        {
            foreach (var (other, read) in _ahead)
            {
                if (other != uid && read.IsCompleted && !likelyNext.Contains(other))
                {
                    _ahead.Remove(other);
                    DisposeOf(read);
                }
            }
        }
    }

    private Task<BufferedContent?>? Take(uint uid)
    {
        lock (_ahead)
        {
            return _ahead.Remove(uid, out var read) ? read : null;
        }
    }

    private static void DisposeOf(Task<BufferedContent?> read)
    {
        if (read.IsCompletedSuccessfully)
        {
            read.Result?.Dispose();
        }
    }

    /// <summary>A message that stands alone: its row, then its blob.</summary>
    private async Task<BufferedContent?> ReadAheadAsync(Task<MailboxEntry?> finding)
    {
        var row = await finding.WaitAsync(_end.Token);
        if (row is not { Size: <= LargestReadAhead })
        {
            return null;
        }

        var cost = SegmentBuffer.CostOf(row.Size);
        return readAhead.TryTake(cost) ? await ReadAheadAsync(row, cost) : null;
    }

    /// <summary>Null when there is no blob, or it is larger than its row says: the message is opened when its turn comes.</summary>
    private async Task<BufferedContent?> ReadAheadAsync(MailboxEntry row, long cost)
    {
        var held = new SegmentBuffer(readAhead.Budget);
        held.Reserve(cost);
        var whole = false;
        try
        {
            var content = await OpenAsync(row, _end.Token);
            if (content is null)
            {
                return null;
            }

            await using (content)
            {
                while (await content.ReadAsync(_end.Token) is { IsEmpty: false } piece)
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
        var blob = await store.OpenReadAsync(row.Blob, 0, cancellationToken);
        return blob is null
            ? null
            : new StreamedContent(row.Size, Encoding.UTF8.GetBytes(row.Prologue), blob, row.LacksFinalLineBreak);
    }
}
