using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Maildrops;

/// <summary>
/// The rows of the messages that a client reads: one message alone is a point read; one that its neighbours follow brings
/// their rows with it, and the next ones are on their way before the last of these is reached.
/// </summary>
internal sealed class MessageRows(MailboxPartition mailbox)
{
    /// <summary>Rows of the first query: most clients come for a few messages.</summary>
    public const int FirstRows = 100;

    /// <summary>Rows of each later one: a client that has read so many goes on.</summary>
    public const int MoreRows = 400;

    /// <summary>Pages of one query: Table storage gives empty and short ones while it is still looking.</summary>
    private const int MostPages = 20;

    private readonly Dictionary<uint, MailboxEntry> _rows = [];
    private readonly Dictionary<uint, Task<MailboxEntry?>> _alone = [];
    private Task<List<MailboxEntry>>? _more;

    /// <summary>
    /// Whether one query brings the rows of those that are likely next: they go on in one direction from this message, and
    /// the first query reaches the farthest. Else each row is read alone.
    /// </summary>
    public static bool AreNear(uint uid, LikelyNext next)
    {
        var likely = next.Uids.Span;
        if (likely.IsEmpty || next.Reach >= FirstRows)
        {
            return false;
        }

        var downwards = IsDownwards(uid, likely);
        foreach (var other in likely)
        {
            if (downwards ? other >= uid : other <= uid)
            {
                return false;
            }

            uid = other;
        }

        return true;
    }

    /// <summary>Null when the row is not at hand yet.</summary>
    public MailboxEntry? Known(uint uid) => _rows.GetValueOrDefault(uid);

    /// <summary>Asks for the row of a message that stands alone; <see cref="FindAsync"/> takes it when its turn comes.</summary>
    public Task<MailboxEntry?> BeginFind(uint uid) => _alone[uid] = ReadOneAsync(uid, CancellationToken.None);

    public async ValueTask<MailboxEntry?> FindAsync(uint uid, LikelyNext next, CancellationToken cancellationToken)
    {
        if (!_rows.ContainsKey(uid) || _more is { IsCompleted: true })
        {
            await TakeMoreAsync(uid, next.Uids, cancellationToken);
        }

        if (_rows.TryGetValue(uid, out var known))
        {
            Prefetch(uid, next);
            return known;
        }

        return await SearchAsync(uid, next, cancellationToken);
    }

    private Task<MailboxEntry?> SearchAsync(uint uid, LikelyNext next, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The message could not be found",
        async () =>
        {
            if (await TakeAloneAsync(uid, next.Uids, cancellationToken) is { } alone)
            {
                return alone;
            }

            if (AreNear(uid, next))
            {
                _rows.Clear();
                Add(await ReadAsync(uid, FirstRows, IsDownwards(uid, next.Uids.Span), cancellationToken));
                Prefetch(uid, next);
                if (_rows.TryGetValue(uid, out var found))
                {
                    return found;
                }
            }

            // Only a point read shows that a row is not there.
            return await ReadOneAsync(uid, cancellationToken);
        },
        cancellationToken);

    /// <summary>What was fetched ahead; rows behind the reader are let go.</summary>
    private async ValueTask TakeMoreAsync(uint uid, ReadOnlyMemory<uint> likelyNext, CancellationToken cancellationToken)
    {
        if (_more is not { } more)
        {
            return;
        }

        await ((Task)more).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        _more = null;
        if (!more.IsCompletedSuccessfully)
        {
            return; // asked for again when its turn comes
        }

        var downwards = IsDownwards(uid, likelyNext.Span);
        foreach (var behind in _rows.Keys.Where(k => downwards ? k > uid : k < uid).ToList())
        {
            _rows.Remove(behind);
        }

        Add(more.Result);
    }

    /// <summary>The row that was asked for by <see cref="BeginFind"/>, if it came; those that are not likely any more are let go.</summary>
    private async ValueTask<MailboxEntry?> TakeAloneAsync(uint uid, ReadOnlyMemory<uint> likelyNext, CancellationToken cancellationToken)
    {
        if (_alone.Count == 0)
        {
            return null;
        }

        _alone.Remove(uid, out var finding);
        foreach (var other in _alone.Keys.Where(k => !likelyNext.Span.Contains(k)).ToList())
        {
            _alone.Remove(other);
        }

        if (finding is null)
        {
            return null;
        }

        await ((Task)finding).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return finding.IsCompletedSuccessfully ? finding.Result : null;
    }

    private async Task<MailboxEntry?> ReadOneAsync(uint uid, CancellationToken cancellationToken)
    {
        var row = await mailbox.Table.FindRowAsync(mailbox.Key, MailboxRow.MessageKey(uid), cancellationToken, MailboxRow.ContentColumns);
        return row is null ? null : MailboxRow.ToEntry(row);
    }

    private void Prefetch(uint uid, LikelyNext next)
    {
        if (_more is not null || !AreNear(uid, next))
        {
            return;
        }

        var likely = next.Uids.Span;
        foreach (var other in likely)
        {
            if (!_rows.ContainsKey(other))
            {
                _more = ReadAsync(other, MoreRows, IsDownwards(uid, likely), CancellationToken.None);
                return;
            }
        }
    }

    private void Add(List<MailboxEntry> entries)
    {
        foreach (var entry in entries)
        {
            _rows[entry.Uid] = entry;
        }
    }

    private static bool IsDownwards(uint uid, ReadOnlySpan<uint> likelyNext) => likelyNext is [var next, ..] && next < uid;

    /// <summary>Rows come upwards only: for those below, the range begins where as many are if none is gone.</summary>
    private async Task<List<MailboxEntry>> ReadAsync(uint uid, int count, bool downwards, CancellationToken cancellationToken)
    {
        var (from, to) = downwards
            ? (MailboxRow.MessageKey(uid < count ? 0 : uid - (uint)count + 1), MailboxRow.MessageKey(uid))
            : (MailboxRow.MessageKey(uid), MailboxRow.AfterMessages);
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {mailbox.Key} and RowKey ge {from} and RowKey le {to}");
        var rows = new List<MailboxEntry>();
        var pages = 0;
        await foreach (var page in mailbox.Table.QueryAsync<TableEntity>(filter, count, MailboxRow.ContentColumns, cancellationToken)
            .AsPages(null, count))
        {
            rows.AddRange(page.Values.Select(MailboxRow.ToEntry));
            if ((rows.Count > 0 && !downwards) || ++pages == MostPages)
            {
                break;
            }
        }

        return rows;
    }
}
