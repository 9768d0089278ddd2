using MailFunctions.Core.Addresses;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Maildrops;

/// <summary>Tells the postmaster of messages whose content is not there, once a day each however often a client asks.</summary>
internal sealed class UnreadableMail(ITraceWriter traces, EmailAddress account, TimeProvider time)
{
    public async Task TellAsync(MailboxEntry entry, CancellationToken cancellationToken)
    {
        try
        {
            await traces.WriteAsync(
                [
                    new TraceEvent
                    {
                        MessageId = entry.MessageId,
                        At = new DateTimeOffset(time.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero),
                        Kind = TraceKind.Unreadable,
                        Addresses = [account.ToCanonicalString()],
                        Detail = $"POP3: the blob {entry.Blob} is not in the store",
                    },
                ],
                cancellationToken).ConfigureAwait(false);
        }
        catch (StoreUnavailableException)
        {
            // The client's next try tells again.
        }
    }
}
