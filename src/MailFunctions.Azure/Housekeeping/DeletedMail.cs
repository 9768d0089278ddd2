using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Purges `del:` rows past the retention.</summary>
internal sealed class DeletedMail(
    ExpiryTable expiry, MailboxPurge purge, UndeliveredMail undelivered, RetentionOptions retention, RunLimits limits,
    TimeProvider time) : IHousekeepingTask
{
    public string Name => "deleted mail";

    public Task<int> RunAsync(CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "Deleted mail could not be purged", () => SweepAsync(cancellationToken), cancellationToken);

    private async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(limits, time);
        var now = time.GetUtcNow();
        var until = now - retention.Deleted;
        IReadOnlySet<string>? inBus = null;
        await foreach (var mailbox in expiry.ReadAsync(ExpiryKind.DeletedMail, until, cancellationToken))
        {
            inBus ??= await undelivered.ReadAsync(cancellationToken);
            if (inBus is null || bounds.AreReached)
            {
                break;
            }

            // Of a day that is not past the retention as a whole, a part may be.
            var wholeDay = mailbox.Day.AddDays(1) <= until;
            var (_, left) = await purge.PurgeAsync(mailbox.MailboxId, Filter(mailbox.MailboxId, until), inBus, bounds, cancellationToken);
            if (wholeDay && !left)
            {
                await expiry.RemoveAsync(mailbox, now, cancellationToken);
            }
        }

        return bounds.Done;
    }

    private static string Filter(string mailboxId, DateTimeOffset until)
    {
        var partition = MailboxRow.Partition(mailboxId);
        var (first, after) = (MailboxRow.DeletedPrefix, MailboxRow.AfterDeleted);
        return TableClient.CreateQueryFilter(
            $"PartitionKey eq {partition} and RowKey ge {first} and RowKey lt {after} and DeletedAt le {until}");
    }
}
