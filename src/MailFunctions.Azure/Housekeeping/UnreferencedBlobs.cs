using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Removes references that are to go, and with the last of them the blob.</summary>
internal sealed class UnreferencedBlobs(
    TableServiceClient service, ReferencesTable references, IMessageStore store, UndeliveredMail undelivered,
    RunLimits limits, TimeProvider time)
    : IHousekeepingTask
{
    private readonly TableClient _mailboxes = service.GetTableClient(MailboxTable.MailboxesName);

    public string Name => "blobs without references";

    public Task<int> RunAsync(CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The blobs without references could not be removed", () => SweepAsync(cancellationToken), cancellationToken);

    private async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(limits, time);
        IReadOnlySet<string>? inBus = null;
        await foreach (var blob in references.ListUnreferencedAsync(cancellationToken))
        {
            inBus ??= await undelivered.ReadAsync(cancellationToken);
            if (inBus is null || bounds.AreReached)
            {
                break;
            }

            // What the bus still holds may be delivered yet.
            if (!inBus.Contains(blob.MessageId))
            {
                bounds.Did(await SettleAsync(blob, cancellationToken));
            }
        }

        return bounds.Done;
    }

    /// <summary>Takes the reference away and, when it was the last, the blob; how many blobs that were.</summary>
    private async Task<int> SettleAsync(UnreferencedBlob blob, CancellationToken cancellationToken)
    {
        if (blob.MailboxId is { } mailboxId)
        {
            var mailbox = MailboxRow.Partition(mailboxId);
            if (await _mailboxes.FindRowAsync(mailbox, MailboxRow.DeletedKey(blob.Uid), cancellationToken) is not null)
            {
                return 0; // the purge was cut off before it took the row: its next run does
            }

            // A message that was restored, or delivered after all, has another uid; its `id:` row goes with the last of it.
            if (await _mailboxes.FindRowAsync(mailbox, MailboxRow.DeliveredKey(blob.MessageId), cancellationToken) is not null)
            {
                await references.SettleAsync(blob, cancellationToken);
                return 0;
            }

            await references.RemoveAsync(blob.MessageId, mailboxId, cancellationToken);
        }

        var removed = !await references.AnyAsync(blob.MessageId, cancellationToken)
            && await store.DeleteAsync(blob.Blob, cancellationToken);
        await references.SettleAsync(blob, cancellationToken);
        return removed ? 1 : 0;
    }
}
