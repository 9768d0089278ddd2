using Azure.Data.Tables;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>One mailbox in the table `mailboxes`.</summary>
internal sealed record MailboxPartition(TableClient Table, string MailboxId)
{
    public string Key { get; } = MailboxRow.Partition(MailboxId);
}
