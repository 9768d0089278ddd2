using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Purges `del:` rows past the retention.</summary>
internal sealed class DeletedMail(DueIndex index, MailboxPurge purge, BusKnowledge bus, RetentionOptions retention, RunLimits limits, TimeProvider time) : IHousekeepingTask
{
    public string Name => "deleted mail";

    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        var bounds = new RunBounds(limits, time);
        var now = time.GetUtcNow();
        var until = now - retention.Deleted;
        IReadOnlySet<string>? known = null;
        try
        {
            await foreach (var due in index.ReadAsync(DueKind.Deleted, until, cancellationToken))
            {
                known ??= await bus.ReadAsync(cancellationToken);
                if (known is null || bounds.AreReached)
                {
                    break;
                }

                // Of a day that is not past the retention as a whole, a part may be.
                var wholeDay = due.Day.AddDays(1) <= until;
                var (_, left) = await purge.PurgeAsync(due.MailboxId, Filter(due.MailboxId, until), known, bounds, cancellationToken);
                if (wholeDay && !left)
                {
                    await index.RemoveAsync(due, now, cancellationToken);
                }
            }
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("Deleted mail could not be purged", e);
        }

        return bounds.Done;
    }

    private static string Filter(string mailboxId, DateTimeOffset until)
    {
        var partition = MailboxRow.Partition(mailboxId);
        return TableClient.CreateQueryFilter(
            $"PartitionKey eq {partition} and RowKey ge {MailboxRow.DeletedPrefix} and RowKey lt {MailboxRow.AfterDeleted} and DeletedAt le {until}");
    }
}
