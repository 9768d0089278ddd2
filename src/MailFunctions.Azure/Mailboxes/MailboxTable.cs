using System.Collections.Concurrent;
using Azure.Data.Tables;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>Deliveries into `mailboxes`: those into one mailbox that are under way at once share a transaction.</summary>
internal sealed class MailboxTable(TableServiceClient service, ReferencesTable references, TimeProvider time) : IMailboxDelivery
{
    public const string MailboxesName = "mailboxes";

    private readonly TableClient _mailboxes = service.GetTableClient(MailboxesName);
    private readonly ConcurrentDictionary<string, MailboxWriter> _writers = new();

    public async Task<DeliveryResult> DeliverAsync(
        string mailboxId, MailboxEntry entry, long? quotaBytes, CancellationToken cancellationToken)
    {
        // The reference comes first: a blob that is about to be needed is never taken for an unreferenced one.
        await references.AddAsync(entry.MessageId, mailboxId, cancellationToken);
        var delivery = new PendingDelivery(entry, quotaBytes, time.GetUtcNow());
        while (true)
        {
            var writer = _writers.GetOrAdd(mailboxId, id => new MailboxWriter(_mailboxes, MailboxRow.Partition(id), time));
            if (writer.TryEnqueue(delivery, out var leads))
            {
                if (leads)
                {
                    // The leader writes other callers' deliveries too, so its own caller's token does not end the work.
                    _ = LeadAsync(mailboxId, writer);
                }

                var result = await delivery.Result.WaitAsync(cancellationToken);
                if (result is DeliveryResult.OverQuota)
                {
                    await references.NoteAsync(new UnreferencedBlob(entry.MessageId, entry.Blob, mailboxId), cancellationToken);
                }

                return result;
            }

            _writers.TryRemove(KeyValuePair.Create(mailboxId, writer));
        }
    }

    public Task<MailboxState?> ReadStateAsync(string mailboxId, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The mailbox could not be read",
        async () => await _mailboxes.FindRowAsync(MailboxRow.Partition(mailboxId), MailboxRow.StateKey, cancellationToken) is { } row
            ? MailboxRow.ToState(row)
            : null,
        cancellationToken);

    private async Task LeadAsync(string mailboxId, MailboxWriter writer)
    {
        await Task.Yield();
        await writer.RunAsync();
        _writers.TryRemove(KeyValuePair.Create(mailboxId, writer));
    }
}
