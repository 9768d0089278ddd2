using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Storage;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>Reads `msg:` and `del:` rows for the postmaster, and moves the latter back.</summary>
internal sealed class MailboxArchiveTable(TableServiceClient service, IMessageStore store, TimeProvider time) : IMailboxArchive
{
    private const int RowsPerQuery = 1000;
    private const int MaxQueries = 16;
    private const int MaxConflicts = 20;
    private const uint WidestWindow = 8192;

    private readonly TableClient _table = service.GetTableClient(MailboxTable.MailboxesName);

    public async Task<ListPage<MailboxEntry>> ListAsync(
        string mailboxId, bool deleted, int top, uint? continuation, CancellationToken cancellationToken)
    {
        var partition = MailboxRow.Partition(mailboxId);
        return await StorageGuard.RunAsync<ListPage<MailboxEntry>>(
            "The mailbox could not be listed",
            async () =>
            {
                var before = continuation ?? await ReadUidNextAsync(partition, cancellationToken);
                return await ReadBackwardsAsync(partition, deleted, top, before, cancellationToken);
            },
            cancellationToken);
    }

    /// <summary>
    /// The table sorts upwards, so a page is a window of uids that ends below the page before. A window that holds less
    /// than a page, because much of it was deleted, makes the next one wider; the queries of one page are bounded.
    /// </summary>
    private async Task<ListPage<MailboxEntry>> ReadBackwardsAsync(
        string partition, bool deleted, int top, uint before, CancellationToken cancellationToken)
    {
        var found = new List<MailboxEntry>(top);
        var window = (uint)top;
        for (var queries = 0; before > 1 && found.Count < top && queries < MaxQueries; queries++)
        {
            var from = before > window ? before - window : 1;
            var newest = new Queue<MailboxEntry>(top);
            await foreach (var entry in QueryAsync(partition, deleted, from, before, cancellationToken))
            {
                if (newest.Count == top - found.Count)
                {
                    newest.Dequeue();
                    from = newest.Count > 0 ? newest.Peek().Uid : entry.Uid;
                }

                newest.Enqueue(entry);
            }

            found.AddRange(newest.Reverse());
            before = from;
            window = Math.Min(window * 2, WidestWindow);
        }

        return new ListPage<MailboxEntry>(found, before > 1 ? before.ToString(CultureInfo.InvariantCulture) : null);
    }

    public IAsyncEnumerable<MailboxEntry> ReadAllAsync(string mailboxId, uint after, CancellationToken cancellationToken) =>
        QueryAsync(MailboxRow.Partition(mailboxId), deleted: false, after + 1, uint.MaxValue, cancellationToken)
            .Guarded("The mailbox could not be read to its end", cancellationToken);

    public async Task<MailboxEntry?> FindAsync(string mailboxId, uint uid, CancellationToken cancellationToken)
    {
        var partition = MailboxRow.Partition(mailboxId);
        return await StorageGuard.RunAsync<MailboxEntry?>(
            "The message could not be found",
            async () =>
            {
                var row = await _table.FindRowAsync(partition, MailboxRow.MessageKey(uid), cancellationToken)
                    ?? await _table.FindRowAsync(partition, MailboxRow.DeletedKey(uid), cancellationToken);
                return row is null ? null : MailboxRow.ToEntry(row);
            },
            cancellationToken);
    }

    public async Task<IMaildropContent?> OpenAsync(MailboxEntry entry, CancellationToken cancellationToken) =>
        await store.OpenReadAsync(entry.Blob, 0, cancellationToken) is { } blob
            ? new StreamedContent(entry.Size, Encoding.UTF8.GetBytes(entry.Prologue), blob, entry.LacksFinalLineBreak)
            : null;

    public async Task<uint?> RestoreAsync(string mailboxId, uint uid, CancellationToken cancellationToken)
    {
        var partition = MailboxRow.Partition(mailboxId);
        string? tried = null;
        return await StorageGuard.RunAsync<uint?>(
            "The message could not be restored",
            async () =>
            {
                for (var conflicts = 1; ; conflicts++)
                {
                    var deleted = await _table.FindRowAsync(partition, MailboxRow.DeletedKey(uid), cancellationToken);
                    if (deleted is null && tried is not null)
                    {
                        return await FindRestoredAsync(partition, tried, uid, cancellationToken);
                    }

                    var state = await _table.FindRowAsync(partition, MailboxRow.StateKey, cancellationToken);
                    if (deleted is null || state is null)
                    {
                        return null;
                    }

                    tried = MailboxRow.ToEntry(deleted).MessageId;
                    try
                    {
                        return await RestoreAsync(partition, deleted, state, cancellationToken);
                    }
                    catch (RequestFailedException e) when (e.Status is 404 or 409 or 412 && conflicts < MaxConflicts)
                    {
                        // A delivery or a POP3 session wrote in between.
                        await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 10 * conflicts)), time, cancellationToken);
                    }
                }
            },
            cancellationToken);
    }

    private async Task<uint> RestoreAsync(string partition, TableEntity deleted, TableEntity stateRow, CancellationToken cancellationToken)
    {
        var state = MailboxRow.ToState(stateRow);
        var entry = MailboxRow.ToEntry(deleted) with { Uid = state.UidNext, DeletedAt = null };
        var after = state with { UidNext = state.UidNext + 1, Count = state.Count + 1, Bytes = state.Bytes + entry.Size };
        await _table.SubmitTransactionAsync(
            [
                new TableTransactionAction(TableTransactionActionType.UpdateReplace, MailboxRow.From(partition, after), stateRow.ETag),
                new TableTransactionAction(TableTransactionActionType.Delete, deleted, deleted.ETag),
                new TableTransactionAction(TableTransactionActionType.Add, MailboxRow.From(partition, entry)),
                new TableTransactionAction(
                    TableTransactionActionType.UpsertMerge,
                    new TableEntity(partition, MailboxRow.DeliveredKey(entry.MessageId))
                    {
                        [MailboxRow.DeliveredUidColumn] = (long)entry.Uid,
                    }),
            ],
            cancellationToken);
        return entry.Uid;
    }

    /// <summary>An attempt whose response was lost may have succeeded; null: the message was purged first.</summary>
    private async Task<uint?> FindRestoredAsync(string partition, string messageId, uint uid, CancellationToken cancellationToken) =>
        (await _table.FindRowAsync(partition, MailboxRow.DeliveredKey(messageId), cancellationToken))
            ?.GetInt64(MailboxRow.DeliveredUidColumn) is { } restored && restored > uid ? (uint)restored : null;

    private async Task<uint> ReadUidNextAsync(string partition, CancellationToken cancellationToken) =>
        await _table.FindRowAsync(partition, MailboxRow.StateKey, cancellationToken) is { } row
            ? MailboxRow.ToState(row).UidNext
            : 1;

    private async IAsyncEnumerable<MailboxEntry> QueryAsync(
        string partition, bool deleted, uint from, uint before, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (first, end) = deleted
            ? (MailboxRow.DeletedKey(from), MailboxRow.DeletedKey(before))
            : (MailboxRow.MessageKey(from), MailboxRow.MessageKey(before));
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {first} and RowKey lt {end}");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, RowsPerQuery, cancellationToken: cancellationToken))
        {
            yield return MailboxRow.ToEntry(row);
        }
    }
}
