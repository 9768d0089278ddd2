using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Inbound;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>Where an import writes.</summary>
internal sealed class MessageImporter(IMessageStore store, IMailboxDelivery mailboxes, IMailboxArchive archive, TimeProvider time)
{
    /// <param name="compare">Whether the messages that the mailbox has are read first.</param>
    public async Task<ImportRun> BeginAsync(AccountEntry account, bool compare, bool skipKnown, CancellationToken cancellationToken)
    {
        var known = compare ? await KnownMessages.OfAsync(archive, account.MailboxId, cancellationToken) : new KnownMessages();
        return new ImportRun(account, store, mailboxes, known, skipKnown, time);
    }
}

/// <summary>One import into a mailbox: each message into a blob of its own, then into the mailbox; and what came of them.</summary>
internal sealed class ImportRun(
    AccountEntry account, IMessageStore store, IMailboxDelivery mailboxes, KnownMessages known, bool skipKnown, TimeProvider time)
{
    /// <summary>Octets of one message.</summary>
    public const long MaxMessageOctets = 256L * 1024 * 1024;
    private const int MaxFaults = 100;

    private readonly List<ImportFault> _faults = [];

    public long Imported { get; private set; }

    public long Known { get; private set; }

    public long Skipped { get; private set; }

    public long Refused { get; private set; }

    public IReadOnlyList<ImportFault> Faults => _faults;

    /// <summary>False when there was no message at all, though there was something.</summary>
    public async Task<bool> AddAllAsync(MboxReader file, CancellationToken cancellationToken)
    {
        while (await file.NextAsync(cancellationToken))
        {
            await AddAsync(file.ReadAsync, file.Line, file.Date, cancellationToken);
        }

        return Imported + Skipped + Refused > 0 || file.IsAtEnd;
    }

    public async Task AddAsync(
        Func<CancellationToken, ValueTask<ReadOnlyMemory<byte>>> read, long line, DateTimeOffset? receivedAt,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var id = MessageName.NewId(now);
        var blob = MessageName.BlobFor(id, now);
        if (await UploadAsync(blob, read, cancellationToken) is { } refused)
        {
            Refuse(line, refused);
            return;
        }

        MailboxEntry entry;
        await using (var content = await store.OpenReadAsync(blob, 0, cancellationToken)
            ?? throw new StoreUnavailableException("The store does not give back what it took."))
        {
            entry = Entry(id, blob, receivedAt < now ? receivedAt.Value : now, await SummaryReader.ReadAsync(content, cancellationToken));
        }

        var isKnown = known.Has(entry);
        if (isKnown && skipKnown)
        {
            Skipped++;
        }
        else if (await mailboxes.DeliverAsync(account.MailboxId, entry, account.QuotaBytes, cancellationToken) is DeliveryResult.OverQuota)
        {
            Refuse(line, "The mailbox is full.");
        }
        else
        {
            known.Add(entry);
            (Imported, Known) = (Imported + 1, Known + (isKnown ? 1 : 0));
            return;
        }

        await store.DeleteAsync(blob, cancellationToken);
    }

    private async Task<string?> UploadAsync(
        string blob, Func<CancellationToken, ValueTask<ReadOnlyMemory<byte>>> read, CancellationToken cancellationToken)
    {
        await using var upload = store.BeginUpload(blob);
        while (await read(cancellationToken) is { IsEmpty: false } piece)
        {
            if (upload.Length + piece.Length > MaxMessageOctets)
            {
                return $"A message has {MaxMessageOctets} octets at most.";
            }

            await upload.WriteAsync(piece, cancellationToken);
        }

        if (upload.Length == 0)
        {
            return "The message is empty.";
        }

        await upload.CommitAsync(cancellationToken);
        return null;
    }

    private static MailboxEntry Entry(string id, string blob, DateTimeOffset receivedAt, MessageSummary summary) => new()
    {
        MessageId = id,
        Blob = blob,
        Prologue = "",
        Size = summary.Octets + (summary.LacksFinalLineBreak ? 2 : 0),
        LacksFinalLineBreak = summary.LacksFinalLineBreak,
        ReceivedAt = receivedAt,
        Subject = summary.Subject,
        From = summary.From,
        To = summary.To,
        Date = summary.Date,
        InternetMessageId = summary.MessageId,
        Attachments = summary.Attachments,
    };

    private void Refuse(long line, string fault)
    {
        Refused++;
        if (_faults.Count < MaxFaults)
        {
            _faults.Add(new ImportFault(Imported + Skipped + Refused, line, fault));
        }
    }
}
