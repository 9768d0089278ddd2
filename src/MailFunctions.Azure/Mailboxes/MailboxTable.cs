using System.Collections.Concurrent;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>Deliveries into `mailboxes`: those into one mailbox that are under way at once share a transaction.</summary>
internal sealed class MailboxTable(TableServiceClient service, TimeProvider time) : IMailboxDelivery
{
    public const string MailboxesName = "mailboxes";
    public const string ReferencesName = "references";

    private readonly TableClient _mailboxes = service.GetTableClient(MailboxesName);
    private readonly TableClient _references = service.GetTableClient(ReferencesName);
    private readonly ConcurrentDictionary<string, MailboxWriter> _writers = new();

    public async Task<DeliveryResult> DeliverAsync(string mailboxId, MailboxEntry entry, long? quotaBytes, CancellationToken cancellationToken)
    {
        // The reference comes first: a blob that somebody may need is never taken for one that nobody needs.
        await WriteReferenceAsync(new TableEntity(TableKey.Escape(entry.MessageId), TableKey.Escape(mailboxId)), cancellationToken);
        var delivery = new PendingDelivery(entry, quotaBytes, time.GetUtcNow());
        while (true)
        {
            var writer = _writers.GetOrAdd(mailboxId, id => new MailboxWriter(_mailboxes, MailboxRow.Partition(id), time));
            if (writer.TryEnqueue(delivery, out var leads))
            {
                if (leads)
                {
                    // The leader works for others too, so its own caller's token does not end the work.
                    _ = LeadAsync(mailboxId, writer);
                }

                var result = await delivery.Result.WaitAsync(cancellationToken);
                if (result is DeliveryResult.OverQuota)
                {
                    await WriteReferenceAsync(LooseBlobs.Note(mailboxId, uid: 0, entry.MessageId, entry.Blob), cancellationToken);
                }

                return result;
            }

            _writers.TryRemove(KeyValuePair.Create(mailboxId, writer));
        }
    }

    public async Task<MailboxState?> ReadStateAsync(string mailboxId, CancellationToken cancellationToken)
    {
        try
        {
            var row = await _mailboxes.FindRowAsync(MailboxRow.Partition(mailboxId), MailboxRow.StateKey, cancellationToken);
            return row is null ? null : MailboxRow.ToState(row);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The mailbox could not be read", e);
        }
    }

    private async Task LeadAsync(string mailboxId, MailboxWriter writer)
    {
        await Task.Yield();
        await writer.RunAsync();
        _writers.TryRemove(KeyValuePair.Create(mailboxId, writer));
    }

    private async Task WriteReferenceAsync(TableEntity row, CancellationToken cancellationToken)
    {
        try
        {
            await _references.UpsertEntityAsync(row, TableUpdateMode.Replace, cancellationToken);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("The message's reference could not be written", e);
        }
    }
}

/// <summary>One delivery that waits for its transaction.</summary>
internal sealed class PendingDelivery(MailboxEntry entry, long? quotaBytes, DateTimeOffset deliveredAt)
{
    private readonly TaskCompletionSource<DeliveryResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public MailboxEntry Entry => entry;

    public long? QuotaBytes => quotaBytes;

    public DateTimeOffset DeliveredAt => deliveredAt;

    public Task<DeliveryResult> Result => _result.Task;

    public void End(DeliveryResult result) => _result.TrySetResult(result);

    public void Fail(Exception e) => _result.TrySetException(e);
}
