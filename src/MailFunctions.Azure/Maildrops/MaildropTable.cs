using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Maildrops;

/// <summary>Opens maildrops over the tables.</summary>
internal sealed class MaildropTable(
    TableServiceClient service, IMessageStore store, ReadAheadBudget readAhead, ITraceWriter traces, ExpiryTable expiry,
    TimeProvider time) : IMaildrops
{
    private readonly TableClient _table = service.GetTableClient(MailboxTable.MailboxesName);

    public async ValueTask<MaildropOpening> OpenAsync(AuthenticatedAccount account, CancellationToken cancellationToken)
    {
        var mailbox = new MailboxPartition(_table, account.MailboxId);
        MaildropLock? held = null;
        try
        {
            held = await MaildropLock.TakeAsync(_table, mailbox.Key, time, cancellationToken);
            if (held is null)
            {
                return new MaildropOpening.InUse();
            }

            var row = await _table.GetEntityIfExistsAsync<TableEntity>(
                mailbox.Key, MailboxRow.StateKey, cancellationToken: cancellationToken);
            var state = row.HasValue ? MailboxRow.ToState(row.Value!) : new MailboxState(0, 1, 0, 0);
            var reader = new MessageReader(
                new MessageRows(mailbox), store, readAhead, new UnreadableMail(traces, account, time), time);
            var fetched = new FetchedMail(mailbox, account, expiry, time);
            var maildrop = new LockedMaildrop(mailbox, state, held, reader, fetched, expiry, time);
            held = null; // the maildrop's now
            return new MaildropOpening.Opened(maildrop);
        }
        catch (Exception e) when (StorageFault.Is(e, cancellationToken))
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
