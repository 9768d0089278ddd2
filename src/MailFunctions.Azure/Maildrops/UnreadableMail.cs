using MailFunctions.Azure.Mailboxes;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Maildrops;

/// <summary>Traces messages whose row or content is missing, for the postmaster: each once a day, however often a client asks.</summary>
internal sealed class UnreadableMail(ITraceWriter traces, AuthenticatedAccount account, TimeProvider time)
{
    public Task ReportAsync(MailboxEntry entry, CancellationToken cancellationToken) =>
        ReportAsync(
            entry.MessageId,
            $"POP3: the blob {entry.Blob} is not in the store, or can't be read there (archived, or under a foreign key)",
            cancellationToken);

    /// <summary>Without its row a message is known by nothing but its unique id.</summary>
    public Task ReportRowAsync(uint uid, CancellationToken cancellationToken) =>
        ReportAsync(
            $"{LockedMaildrop.UniqueIdPrefixOf(account.MailboxId)}.{uid}",
            $"POP3: the row {MailboxRow.MessageKey(uid)} is not in the mailbox",
            cancellationToken);

    private async Task ReportAsync(string messageId, string detail, CancellationToken cancellationToken)
    {
        try
        {
            await traces.WriteAsync(
                [
                    new TraceEvent
                    {
                        MessageId = messageId,
                        At = new DateTimeOffset(time.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero),
                        Kind = TraceKind.Unreadable,
                        Addresses = [account.Address.ToCanonicalString()],
                        Detail = detail,
                    },
                ],
                cancellationToken);
        }
        catch (StoreUnavailableException)
        {
            // The client's next attempt reports it again.
        }
    }
}
