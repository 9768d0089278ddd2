namespace MailFunctions.Core.Mailboxes;

/// <summary>One message in a mailbox: a `msg:` row.</summary>
public sealed record MailboxEntry
{
    /// <summary>Grows strictly with every delivery into the mailbox; never used twice.</summary>
    public uint Uid { get; init; }
    public required string MessageId { get; init; }
    public required string Blob { get; init; }

    /// <summary>Octets that a client gets: prologue, blob, and a CRLF when the blob's last line has no break.</summary>
    public required long Size { get; init; }

    /// <summary>Per-recipient header fields, sent before the blob: CRLF-ended lines, or empty (design §3.2).</summary>
    public required string Prologue { get; init; }

    /// <summary>The blob does not end in CRLF, which only BDAT can bring about.</summary>
    public bool LacksFinalLineBreak { get; init; }
    public required DateTimeOffset ReceivedAt { get; init; }
    public string? Subject { get; init; }
    public string? From { get; init; }
    public string? To { get; init; }
    public DateTimeOffset? Date { get; init; }

    /// <summary>The Message-ID header field, without angle brackets.</summary>
    public string? InternetMessageId { get; init; }

    /// <summary>Decoded file names, at most a few KiB in all.</summary>
    public IReadOnlyList<string> Attachments { get; init; } = [];

    /// <summary>Set on a `del:` row.</summary>
    public DateTimeOffset? DeletedAt { get; init; }

    /// <summary>
    /// When a client first had the whole of it; kept for accounts that have <see
    /// cref="Directory.AccountEntry.ExpireAfterDays"/>.
    /// </summary>
    public DateTimeOffset? FetchedAt { get; init; }
}

/// <summary>The `state` row of a mailbox: one read answers STAT.</summary>
public sealed record MailboxState(uint UidValidity, uint UidNext, long Count, long Bytes);

/// <summary>What a delivery came to.</summary>
public abstract record DeliveryResult
{
    public sealed record Delivered(uint Uid, DateTimeOffset At) : DeliveryResult;

    /// <summary>The `id:` row was there: a redelivered bus message changes nothing.</summary>
    /// <param name="At">When that was.</param>
    public sealed record AlreadyDelivered(DateTimeOffset At) : DeliveryResult;

    public sealed record OverQuota : DeliveryResult;
}

/// <summary>The functions' side of a mailbox (design §3.3).</summary>
public interface IMailboxDelivery
{
    /// <summary>Adds one message in one entity-group transaction, with its row in `references` before it.</summary>
    /// <param name="quotaBytes">Refuses when the mailbox would hold more than that.</param>
    Task<DeliveryResult> DeliverAsync(string mailboxId, MailboxEntry entry, long? quotaBytes, CancellationToken cancellationToken);

    /// <summary>Null for a mailbox that has never had a message.</summary>
    Task<MailboxState?> ReadStateAsync(string mailboxId, CancellationToken cancellationToken);
}
