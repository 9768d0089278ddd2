using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>
/// References that are to go, and with the last of them the blob. A row in partition `loose` of `references` is written
/// before a message leaves a mailbox for good, so a run that is cut off anywhere is finished by the next.
/// </summary>
internal sealed class LooseBlobs(TableServiceClient service, IMessageStore store, BusKnowledge bus, RunLimits limits, TimeProvider time) : IHousekeepingTask, IUnkeptMail
{
    private const string Partition = "loose";
    private const string MessageColumn = "MessageId";
    private const string BlobColumn = "Blob";
    private const string MailboxColumn = "MailboxId";
    private const string UidColumn = "Uid";

    private readonly TableClient _references = service.GetTableClient(MailboxTable.ReferencesName);
    private readonly TableClient _mailboxes = service.GetTableClient(MailboxTable.MailboxesName);

    public string Name => "blobs without references";

    /// <summary>Says that messages are about to leave a mailbox for good; 100 at most.</summary>
    public Task NoteAsync(string mailboxId, IEnumerable<(uint Uid, string MessageId, string Blob)> messages, CancellationToken cancellationToken) =>
        _references.SubmitTransactionAsync(
            messages.Select(m => new TableTransactionAction(TableTransactionActionType.UpsertReplace, Note(mailboxId, m.Uid, m.MessageId, m.Blob))),
            cancellationToken);

    public async Task NoteAsync(string messageId, string blob, CancellationToken cancellationToken)
    {
        try
        {
            await _references.UpsertEntityAsync(Note(messageId, blob), TableUpdateMode.Replace, cancellationToken);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("It could not be noted that nobody keeps the message", e);
        }
    }

    /// <summary>The row that says that a mailbox may not hold a message, though it has a reference to it.</summary>
    /// <param name="uid">Its `del:` row, when it is to leave; 0 when it never came in.</param>
    public static TableEntity Note(string mailboxId, uint uid, string messageId, string blob) => new(Partition, RowKey(messageId, mailboxId))
    {
        [MessageColumn] = messageId,
        [BlobColumn] = blob,
        [MailboxColumn] = mailboxId,
        [UidColumn] = (long)uid,
    };

    /// <summary>The row that says that a blob may have no reference at all.</summary>
    public static TableEntity Note(string messageId, string blob) =>
        new(Partition, RowKey(messageId, "")) { [MessageColumn] = messageId, [BlobColumn] = blob };

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(limits, time);
        IReadOnlySet<string>? known = null;
        try
        {
            await foreach (var row in _references.QueryAsync<TableEntity>(
                TableClient.CreateQueryFilter($"PartitionKey eq {Partition}"), cancellationToken: cancellationToken))
            {
                known ??= await bus.ReadAsync(cancellationToken);
                if (known is null || bounds.AreReached)
                {
                    break;
                }

                // What the bus still holds may be delivered yet.
                if (!known.Contains(row.GetString(MessageColumn)))
                {
                    bounds.Did(await SettleAsync(row, cancellationToken));
                }
            }
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The blobs without references could not be removed", e);
        }

        return bounds.Done;
    }

    /// <summary>Takes the reference away and, when it was the last, the blob; how many blobs that were.</summary>
    private async Task<int> SettleAsync(TableEntity row, CancellationToken cancellationToken)
    {
        var messageId = row.GetString(MessageColumn);
        if (row.GetString(MailboxColumn) is { } mailboxId && row.GetInt64(UidColumn) is { } uid)
        {
            var mailbox = MailboxRow.Partition(mailboxId);
            if (await _mailboxes.FindRowAsync(mailbox, MailboxRow.DeletedKey((uint)uid), cancellationToken) is not null)
            {
                return 0; // the purge was cut off before it took the row: its next run does
            }

            // A message that was restored, or delivered after all, has another uid; its `id:` row goes with the last of it.
            if (await _mailboxes.FindRowAsync(mailbox, MailboxRow.DeliveredKey(messageId), cancellationToken) is not null)
            {
                await RemoveAsync(row, cancellationToken);
                return 0;
            }

            await _references.DeleteEntityAsync(
                TableKey.Escape(messageId), TableKey.Escape(mailboxId), cancellationToken: cancellationToken);
        }

        var removed = !await IsReferredToAsync(messageId, cancellationToken)
            && await store.DeleteAsync(row.GetString(BlobColumn), cancellationToken);
        await RemoveAsync(row, cancellationToken);
        return removed ? 1 : 0;
    }

    /// <summary>Somebody needs the blob of a message.</summary>
    public async Task<bool> IsReferredToAsync(string messageId, CancellationToken cancellationToken)
    {
        var partition = TableKey.Escape(messageId);
        await foreach (var _ in _references.QueryAsync<TableEntity>(
            TableClient.CreateQueryFilter($"PartitionKey eq {partition}"), 1, ["RowKey"], cancellationToken))
        {
            return true;
        }

        return false;
    }

    /// <summary>Not when it was written anew meanwhile, for the message is about to leave once more.</summary>
    private async Task RemoveAsync(TableEntity row, CancellationToken cancellationToken)
    {
        try
        {
            await _references.DeleteEntityAsync(row.PartitionKey, row.RowKey, row.ETag, cancellationToken);
        }
        catch (RequestFailedException e) when (e.Status == 412)
        {
            // The next run looks at it.
        }
    }

    private static string RowKey(string messageId, string mailboxId) => TableKey.Escape(messageId) + ":" + TableKey.Escape(mailboxId);
}
