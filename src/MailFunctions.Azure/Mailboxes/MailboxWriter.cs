using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>
/// Writes the deliveries of one mailbox, several in one entity-group transaction: `state` under its ETag, and for each
/// message its `id:` and `msg:` rows (design §3.3). Other processes may write the same mailbox: the ETag decides.
/// </summary>
internal sealed class MailboxWriter(TableClient table, string partition, TimeProvider time)
{
    /// <summary>A transaction takes 100 operations: two each and one for `state`.</summary>
    public const int MaxBatch = 40;

    private const int MaxConflicts = 20;

    private readonly Lock _lock = new();
    private readonly Queue<PendingDelivery> _queue = new();
    private bool _led;
    private bool _closed;

    /// <summary>False when this writer has ended. The caller that leads must call <see cref="RunAsync"/>.</summary>
    public bool TryEnqueue(PendingDelivery delivery, out bool leads)
    {
        lock (_lock)
        {
            leads = !_led && !_closed;
            if (_closed)
            {
                return false;
            }

            _queue.Enqueue(delivery);
            _led = true;
            return true;
        }
    }

    /// <summary>Writes until the queue is empty, then closes.</summary>
    public async Task RunAsync()
    {
        var batch = new List<PendingDelivery>(MaxBatch);
        while (TakeBatch(batch))
        {
            await WriteOrFailAsync(batch);
        }
    }

    private async Task WriteOrFailAsync(List<PendingDelivery> batch)
    {
        try
        {
            await WriteAsync(batch);
        }
        catch (RequestFailedException e) when (e.Status is 400 or 413 && batch.Count > 1)
        {
            // One of them can't be written as a row, or all are too many octets: none fails for the others.
            foreach (var delivery in batch.ToList())
            {
                await WriteOrFailAsync([delivery]);
            }
        }
        catch (Exception e)
        {
            // Every caller gets the exception, of any kind: the bus delivers again.
            var thrown = StorageFault.Is(e, CancellationToken.None) ? StorageFault.Wrap("The mailbox could not be written", e) : e;
            batch.ForEach(d => d.Fail(thrown));
        }
    }

    private bool TakeBatch(List<PendingDelivery> batch)
    {
        batch.Clear();
        lock (_lock)
        {
            var ids = new HashSet<string>();
            while (batch.Count < MaxBatch && _queue.TryPeek(out var next) && ids.Add(next.Entry.MessageId))
            {
                batch.Add(_queue.Dequeue());
            }

            _closed = batch.Count == 0;
            return !_closed;
        }
    }

    /// <summary>Retries on conflicts; deliveries that got their result leave the batch.</summary>
    private async Task WriteAsync(List<PendingDelivery> batch)
    {
        var conflicts = 0;
        while (batch.Count > 0)
        {
            var found = await table.GetEntityIfExistsAsync<TableEntity>(partition, MailboxRow.StateKey);
            var (actions, writes, overQuota) = Plan(found.HasValue ? found.Value : null, batch);
            foreach (var delivery in overQuota)
            {
                batch.Remove(delivery);
                await RefuseAsync(delivery);
            }

            if (writes.Count == 0)
            {
                return;
            }

            try
            {
                await table.SubmitTransactionAsync(actions);
                foreach (var (delivery, uid) in writes)
                {
                    batch.Remove(delivery);
                    delivery.End(new DeliveryResult.Delivered(uid, delivery.DeliveredAt));
                }
            }
            catch (TableTransactionFailedException e) when (
                e.Status == 409 && e.FailedTransactionActionIndex is > 0 and int index && index <= writes.Count)
            {
                // The `id:` row is there: delivered before.
                var delivery = writes[index - 1].Delivery;
                batch.Remove(delivery);
                delivery.End(await FindAsync(delivery) ?? new DeliveryResult.AlreadyDelivered(delivery.DeliveredAt));
            }
            catch (RequestFailedException e) when (e.Status is 409 or 412 && conflicts < MaxConflicts)
            {
                // Another process wrote `state` in between: read it again, a little later each time.
                conflicts++;
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 10 * conflicts)), time);
            }
        }
    }

    /// <summary>A message that is in the mailbox already is no refusal, however full it has become.</summary>
    private async Task RefuseAsync(PendingDelivery delivery) =>
        delivery.End(await FindAsync(delivery) as DeliveryResult ?? new DeliveryResult.OverQuota());

    /// <summary>The delivery of before, by its `id:` row.</summary>
    private async Task<DeliveryResult.AlreadyDelivered?> FindAsync(PendingDelivery delivery)
    {
        var before = await table.GetEntityIfExistsAsync<TableEntity>(partition, MailboxRow.DeliveredKey(delivery.Entry.MessageId));
        return before.HasValue
            ? new DeliveryResult.AlreadyDelivered(
                before.Value!.GetDateTimeOffset(MailboxRow.DeliveredAtColumn) ?? delivery.Entry.ReceivedAt)
            : null;
    }

    /// <summary>Order of actions: `state`, all `id:` rows, all `msg:` rows; so a failed index names its delivery.</summary>
    private (List<TableTransactionAction> Actions, List<(PendingDelivery Delivery, uint Uid)> Writes, List<PendingDelivery> OverQuota) Plan(
        TableEntity? stateRow, List<PendingDelivery> batch)
    {
        var state = stateRow is null
            ? new MailboxState(UidValidity: (uint)time.GetUtcNow().ToUnixTimeSeconds(), UidNext: 1, Count: 0, Bytes: 0)
            : MailboxRow.ToState(stateRow);
        var writes = new List<(PendingDelivery Delivery, uint Uid)>(batch.Count);
        var overQuota = new List<PendingDelivery>();
        foreach (var delivery in batch)
        {
            if (delivery.QuotaBytes is { } quota && state.Bytes + delivery.Entry.Size > quota)
            {
                // Those before it may turn out to be in the mailbox already: it is refused by what the mailbox holds
                // and not by what it might, so it waits for the next round.
                if (writes.Count == 0)
                {
                    overQuota.Add(delivery);
                }

                continue;
            }

            writes.Add((delivery, state.UidNext));
            state = state with { UidNext = state.UidNext + 1, Count = state.Count + 1, Bytes = state.Bytes + delivery.Entry.Size };
        }

        var row = MailboxRow.From(partition, state);
        var actions = new List<TableTransactionAction>((2 * writes.Count) + 1)
        {
            stateRow is null
                ? new TableTransactionAction(TableTransactionActionType.Add, row)
                : new TableTransactionAction(TableTransactionActionType.UpdateReplace, row, stateRow.ETag),
        };
        actions.AddRange(writes.Select(w => new TableTransactionAction(
            TableTransactionActionType.Add,
            new TableEntity(partition, MailboxRow.DeliveredKey(w.Delivery.Entry.MessageId))
            {
                [MailboxRow.DeliveredUidColumn] = (long)w.Uid,
                [MailboxRow.DeliveredAtColumn] = w.Delivery.DeliveredAt,
            })));
        actions.AddRange(writes.Select(w => new TableTransactionAction(
            TableTransactionActionType.Add, MailboxRow.From(partition, w.Delivery.Entry with { Uid = w.Uid }))));
        return (actions, writes, overQuota);
    }
}
