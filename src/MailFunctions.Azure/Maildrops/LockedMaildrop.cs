using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Maildrops;

/// <summary>A maildrop as it was at login.</summary>
internal sealed class LockedMaildrop(
    MailboxPartition mailbox, MailboxState state, MaildropLock held, MessageReader reader, FetchedMail fetched,
    ExpiryTable expiry, TimeProvider time)
    : IMaildrop
{
    /// <summary>A transaction takes 100 operations: two a message, `state`, `lock`.</summary>
    public const int DeletesPerTransaction = 49;

    private static readonly TimeSpan MarkLimit = TimeSpan.FromSeconds(10);

    private const int PageSize = 1000;
    private const int MaxAttempts = 20;

    private static readonly string[] KeyColumn = ["RowKey"];
    private static readonly string[] ListColumns = ["RowKey", MailboxRow.SizeColumn];

    public long Count => state.Count;

    public long Bytes => state.Bytes;

    public string UniqueIdPrefix => UniqueIdPrefixOf(mailbox.MailboxId);

    public bool IsLocked => held.IsHeld;

    // The mailbox id is made anew with the account, so no two mailboxes ever share it.
    public static string UniqueIdPrefixOf(string mailboxId) => mailboxId.Replace("-", "", StringComparison.Ordinal);

    public async IAsyncEnumerable<IReadOnlyList<MaildropMessage>> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Only what was there at login: a delivery since then has a uid of UidNext or more.
        var filter = TableClient.CreateQueryFilter(
            $"PartitionKey eq {mailbox.Key} and RowKey ge {MailboxRow.MessagePrefix} and RowKey lt {MailboxRow.MessageKey(state.UidNext)}");
        var pages = mailbox.Table.QueryAsync<TableEntity>(filter, PageSize, ListColumns, cancellationToken).AsPages(null, PageSize);
        await foreach (var page in pages.Guarded("The mailbox could not be listed", cancellationToken))
        {
            yield return
            [
                .. page.Values.Select(r => new MaildropMessage(MailboxRow.UidOf(r.RowKey), r.GetInt64(MailboxRow.SizeColumn) ?? 0)),
            ];
        }
    }

    public ValueTask<IMaildropContent?> OpenMessageAsync(uint uid, LikelyNext next, CancellationToken cancellationToken) =>
        reader.OpenAsync(uid, next, cancellationToken);

    public void MarkFetched(uint uid) => fetched.Mark(uid);

    /// <summary>What a client fetched at <paramref name="before"/> or earlier, and the first time of those fetched later.</summary>
    public async Task<(List<uint> Uids, DateTimeOffset? Next)> FetchedAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        var uids = new List<uint>();
        DateTimeOffset? next = null;
        await foreach (var (uid, at) in fetched.ReadAllAsync(cancellationToken))
        {
            if (at <= before)
            {
                uids.Add(uid);
            }
            else if (at is not null && !(at >= next))
            {
                next = at;
            }
        }

        return (uids, next);
    }

    public async ValueTask<int> DeleteAsync(IReadOnlyList<uint> uids, CancellationToken cancellationToken)
    {
        var deleted = 0;
        var deletedAt = time.GetUtcNow();
        uint[] chunk = [];
        try
        {
            await expiry.NoteAsync(ExpiryKind.DeletedMail, deletedAt, mailbox.MailboxId, null, null, cancellationToken);
            foreach (var next in uids.Chunk(DeletesPerTransaction))
            {
                chunk = next;
                if (!await DeleteChunkAsync(chunk, deletedAt, cancellationToken))
                {
                    break;
                }

                deleted += chunk.Length;
                fetched.Forget(chunk);
            }
        }
        catch (Exception e) when (StorageFault.Is(e, cancellationToken))
        {
            // What was deleted is counted, also where only the response was lost; the rest stays.
            deleted += await CountGoneAsync(chunk, cancellationToken);
        }

        return deleted;
    }

    public async ValueTask DisposeAsync()
    {
        await reader.DisposeAsync();
        using (var limit = new CancellationTokenSource(MarkLimit, time))
        {
            await fetched.WriteAsync(held, limit.Token);
        }

        await held.DisposeAsync();
    }

    private async Task<int> CountGoneAsync(uint[] uids, CancellationToken cancellationToken)
    {
        try
        {
            return uids.Length == 0
                ? 0
                : uids.Length - (await mailbox.Table.FindMessagesAsync(mailbox.Key, uids, cancellationToken, KeyColumn)).Count;
        }
        catch (Exception e) when (StorageFault.Is(e, cancellationToken))
        {
            return 0;
        }
    }

    private async Task<bool> DeleteChunkAsync(uint[] uids, DateTimeOffset deletedAt, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var rows = await mailbox.Table.FindMessagesAsync(mailbox.Key, uids, cancellationToken);
            if (rows.Count == 0)
            {
                return held.IsHeld; // gone already: a transaction whose response was lost
            }

            var stateRow = await mailbox.Table.GetEntityAsync<TableEntity>(
                mailbox.Key, MailboxRow.StateKey, cancellationToken: cancellationToken);
            var now = MailboxRow.ToState(stateRow.Value);
            var octets = rows.Sum(r => r.GetInt64(MailboxRow.SizeColumn) ?? 0);
            var after = now with { Count = now.Count - rows.Count, Bytes = now.Bytes - octets };
            var actions = new List<TableTransactionAction>((2 * rows.Count) + 2)
            {
                new(TableTransactionActionType.UpdateReplace, MailboxRow.From(mailbox.Key, after), stateRow.Value.ETag),
            };
            foreach (var row in rows)
            {
                var entry = MailboxRow.ToEntry(row) with { DeletedAt = deletedAt };
                actions.Add(new TableTransactionAction(TableTransactionActionType.Delete, row, ETag.All));
                actions.Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, MailboxRow.From(mailbox.Key, entry)));
            }

            try
            {
                return await held.SubmitAsync(actions, cancellationToken);
            }
            catch (RequestFailedException e) when (e.Status is 404 or 409 or 412 && attempt < MaxAttempts && held.IsHeld)
            {
                // A delivery wrote `state` in between.
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 10 * attempt)), time, cancellationToken);
            }
        }
    }
}
