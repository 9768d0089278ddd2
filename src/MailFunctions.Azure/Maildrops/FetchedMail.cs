using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;

namespace MailFunctions.Azure.Maildrops;

/// <summary>
/// Marks the messages that a session fetched, for an account whose fetched mail goes after some days. Written when the
/// session ends, transaction by transaction; what can't be written then stays longer, which RFC 2449 §6.7 allows.
/// </summary>
internal sealed class FetchedMail(MailboxPartition mailbox, AuthenticatedAccount account, ExpiryTable expiry, TimeProvider time)
{
    private const int RowsPerTransaction = 99; // and the lock

    private static readonly string[] Columns = ["RowKey", MailboxRow.FetchedColumn];

    private readonly HashSet<uint> _uids = [];

    public void Mark(uint uid)
    {
        if (account.ExpireAfterDays is not null)
        {
            _uids.Add(uid);
        }
    }

    public void Forget(IEnumerable<uint> deleted) => _uids.ExceptWith(deleted);

    public async Task WriteAsync(MaildropLock held, CancellationToken cancellationToken)
    {
        if (_uids.Count == 0 || account.ExpireAfterDays is not { } days)
        {
            return;
        }

        try
        {
            var noted = false;
            var now = time.GetUtcNow();
            foreach (var some in _uids.Order().Chunk(RowsPerTransaction))
            {
                // It is the first time that counts.
                var rows = await mailbox.Table.FindMessagesAsync(mailbox.Key, some, cancellationToken, Columns);
                var unmarked = rows.Where(r => r.GetDateTimeOffset(MailboxRow.FetchedColumn) is null).ToList();
                if (unmarked.Count == 0)
                {
                    continue;
                }

                if (!noted)
                {
                    var (day, address) = (now.AddDays(days), account.Address.ToCanonicalString());
                    await expiry.NoteAsync(ExpiryKind.FetchedMail, day, account.MailboxId, address, null, cancellationToken);
                    noted = true;
                }

                var actions = unmarked.Select(row => new TableTransactionAction(
                    TableTransactionActionType.UpdateMerge,
                    new TableEntity(mailbox.Key, row.RowKey) { [MailboxRow.FetchedColumn] = now },
                    ETag.All)).ToList();
                if (!await held.SubmitAsync(actions, cancellationToken))
                {
                    return;
                }
            }
        }
        catch (Exception e) when (StorageFault.Is(e, cancellationToken) || e is OperationCanceledException)
        {
            // They stay longer.
        }
    }

    /// <summary>All messages with the time at which they were fetched.</summary>
    public async IAsyncEnumerable<(uint Uid, DateTimeOffset? FetchedAt)> ReadAllAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var filter = TableClient.CreateQueryFilter(
            $"PartitionKey eq {mailbox.Key} and RowKey ge {MailboxRow.MessagePrefix} and RowKey lt {MailboxRow.AfterMessages}");
        await foreach (var row in mailbox.Table.QueryAsync<TableEntity>(filter, 1000, Columns, cancellationToken))
        {
            yield return (MailboxRow.UidOf(row.RowKey), row.GetDateTimeOffset(MailboxRow.FetchedColumn));
        }
    }
}
