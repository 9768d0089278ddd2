using MailFunctions.Azure.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>
/// Mailboxes of deleted accounts, as rows of <see cref="ExpiryTable"/>. The row decides between a purge and a restore: each
/// begins by writing it under the version that it has read.
/// </summary>
internal sealed class RetiredMailboxes(
    IDirectoryStore directory, ExpiryTable expiry, RetentionOptions retention, TimeProvider time) : IMailboxRetirement
{
    public Task RetireAsync(AccountEntry account, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The deletion could not be noted",
        () =>
        {
            var now = time.GetUtcNow();
            return expiry.NoteAsync(
                ExpiryKind.DeletedAccount, now, account.MailboxId, account.Address.ToCanonicalString(), now, cancellationToken);
        },
        cancellationToken);

    public Task<IReadOnlyList<RetiredMailbox>> ListAsync(EmailAddress address, int top, CancellationToken cancellationToken) =>
        StorageGuard.RunAsync<IReadOnlyList<RetiredMailbox>>(
            "The mailboxes of deleted accounts could not be read",
            async () =>
            [
                .. (await ReadAsync(address, cancellationToken)).Where(m => !m.IsPurging).OrderByDescending(m => m.At).Take(top)
                    .Select(m => new RetiredMailbox(m.MailboxId, m.At!.Value, m.At.Value + retention.Deleted)),
            ],
            cancellationToken);

    public Task<bool> KeepAsync(EmailAddress address, string mailboxId, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The mailbox of a deleted account could not be kept",
        async () => (await ReadAsync(address, cancellationToken)).Find(m => m.MailboxId == mailboxId) is { IsPurging: false } mailbox
            && await expiry.ReplaceAsync(mailbox, time.GetUtcNow(), isPurging: false, cancellationToken) is not null,
        cancellationToken);

    /// <summary>Of each mailbox that no account has, the latest row: the earlier ones are of deletions that were undone.</summary>
    private async Task<List<ExpiringMailbox>> ReadAsync(EmailAddress address, CancellationToken cancellationToken)
    {
        var latest = new Dictionary<string, ExpiringMailbox>();
        await foreach (var mailbox in expiry.ReadAsync(ExpiryKind.DeletedAccount, address.ToCanonicalString(), cancellationToken))
        {
            latest[mailbox.MailboxId] = mailbox;
        }

        if (latest.Count > 0 && await directory.FindEntryAsync(address, cancellationToken) is AccountEntry account)
        {
            latest.Remove(account.MailboxId);
        }

        return [.. latest.Values];
    }
}
