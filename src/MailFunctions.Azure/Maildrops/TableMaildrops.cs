using Azure.Data.Tables;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Maildrops;

/// <summary>Opens maildrops over the tables.</summary>
internal sealed class TableMaildrops(TableServiceClient service, IMessageStore store, ReadAheadBudget readAhead, ITraceWriter traces, DueIndex index, TimeProvider time) : IMaildrops
{
    private readonly TableClient _table = service.GetTableClient(MailboxTable.MailboxesName);

    public async ValueTask<MaildropOpening> OpenAsync(AuthenticatedAccount account, CancellationToken cancellationToken)
    {
        var partition = MailboxRow.Partition(account.MailboxId);
        MaildropLock? held = null;
        try
        {
            held = await MaildropLock.TakeAsync(_table, partition, time, cancellationToken);
            if (held is null)
            {
                return new MaildropOpening.InUse();
            }

            var row = await _table.GetEntityIfExistsAsync<TableEntity>(
                partition, MailboxRow.StateKey, cancellationToken: cancellationToken);
            var state = row.HasValue ? MailboxRow.ToState(row.Value!) : new MailboxState(0, 1, 0, 0);
            var reader = new MessageReader(
                new MessageRows(_table, partition), store, readAhead, new UnreadableMail(traces, account, time), time);
            var fetched = new FetchedMail(_table, partition, account, index, time);
            var maildrop = new TableMaildrop(_table, partition, account.MailboxId, state, held, reader, fetched, index, time);
            held = null; // the maildrop's now
            return new MaildropOpening.Opened(maildrop);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            return new MaildropOpening.Unavailable();
        }
        finally
        {
            if (held is not null)
            {
                await held.DisposeAsync();
            }
        }
    }
}
