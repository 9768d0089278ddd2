using Azure;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>One mailbox in which something expires.</summary>
/// <param name="Day">UTC midnight of the day under which it is filed.</param>
/// <param name="Address">The account, where the kind needs it.</param>
/// <param name="At">When the account was deleted, where the kind needs it.</param>
/// <param name="IsPurging">The purge has begun and can't be undone.</param>
internal sealed record ExpiringMailbox(
    ExpiryKind Kind, DateTimeOffset Day, string MailboxId, string? Address, DateTimeOffset? At, ETag ETag, bool IsPurging);
