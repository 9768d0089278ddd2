using System.Buffers;
using System.IO.Pipelines;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Inbound;
using Microsoft.AspNetCore.Http.Features;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// `POST /api/accounts/{address}/import`: each message goes straight from the request into a blob of its own and then into
/// the mailbox, as it stands but for line breaks, which become CRLF. Importing a file twice gives its messages twice, and says so; with
/// `?skipKnown=true` it gives them once, so that an import that was cut off goes on where it ended.
/// </summary>
internal static class MessageImport
{
    /// <summary>Octets of one message.</summary>
    public const long MaxMessageOctets = 256L * 1024 * 1024;
    private const int MaxFaultsTold = 100;

    public static async Task<IResult> PostAsync(
        string address, HttpRequest request, IDirectoryStore directory, IMessageStore store, IMailboxDelivery mailboxes,
        IMailboxArchive archive, TimeProvider time, CancellationToken cancellationToken)
    {
        var type = request.GetTypedHeaders().ContentType?.MediaType.Value;
        var single = string.Equals(type, MessageRoutes.MessageType, StringComparison.OrdinalIgnoreCase);
        if (!single && !string.Equals(type, MboxWriter.MediaType, StringComparison.OrdinalIgnoreCase))
        {
            return TypedResults.Problem(
                $"The body has to be {MboxWriter.MediaType} or {MessageRoutes.MessageType}.", statusCode: StatusCodes.Status415UnsupportedMediaType);
        }

        if (ApiRequests.ReadFlag(request, "skipKnown", out var skipKnown) is { } malformed)
        {
            return malformed;
        }

        var (account, fault) = await AccountRoutes.FindAsync(address, directory, cancellationToken);
        if (account is null)
        {
            return fault!;
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = single ? MaxMessageOctets : null; // each message of a file has its own bound
        }

        var known = single && !skipKnown ? new KnownMessages() : await KnownMessages.OfAsync(archive, account.MailboxId, cancellationToken);
        var run = new ImportRun(account, store, mailboxes, known, skipKnown, time);
        try
        {
            if (single)
            {
                var (breaks, piece) = (new MessageBreaks(), new ArrayBufferWriter<byte>());
                await run.AddAsync(token => ReadOnAsync(request.BodyReader, breaks, piece, token), line: 1, receivedAt: null, cancellationToken);
            }
            else if (!await run.AddAllAsync(new MboxReader(request.BodyReader), cancellationToken))
            {
                return ApiProblems.Invalid(
                    "body", "This is no mbox file: its line 1 is not `From `, a sender, and a date such as `Thu Jan  1 12:00:00 2026`.");
            }
        }
        catch (StoreUnavailableException e)
        {
            return TypedResults.Problem(
                $"{e.Message} Before that, {run.Imported} messages were imported; ?skipKnown=true leaves them out.",
                statusCode: StatusCodes.Status503ServiceUnavailable);
        }

        return TypedResults.Ok(new ImportAnswer(run.Imported, run.Known, run.Skipped, run.Refused, run.Faults));
    }

    /// <summary>The next piece of a body that is one message, some KiB; empty at its end.</summary>
    private static async ValueTask<ReadOnlyMemory<byte>> ReadOnAsync(
        PipeReader body, MessageBreaks breaks, ArrayBufferWriter<byte> piece, CancellationToken cancellationToken)
    {
        piece.ResetWrittenCount();
        var ended = false;
        while (piece.WrittenCount == 0 && !ended)
        {
            var result = await body.ReadAsync(cancellationToken);
            var octets = result.Buffer.First;
            breaks.Copy(octets.Span, piece);
            ended = octets.IsEmpty && result.IsCompleted;
            if (ended)
            {
                breaks.End(piece);
            }

            body.AdvanceTo(result.Buffer.GetPosition(octets.Length));
        }

        return piece.WrittenMemory;
    }

    /// <summary>One import's counts.</summary>
    private sealed class ImportRun(
        AccountEntry account, IMessageStore store, IMailboxDelivery mailboxes, KnownMessages known, bool skipKnown, TimeProvider time)
    {
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
            Func<CancellationToken, ValueTask<ReadOnlyMemory<byte>>> read, long line, DateTimeOffset? receivedAt, CancellationToken cancellationToken)
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

        private async Task<string?> UploadAsync(string blob, Func<CancellationToken, ValueTask<ReadOnlyMemory<byte>>> read, CancellationToken cancellationToken)
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
            if (_faults.Count < MaxFaultsTold)
            {
                _faults.Add(new ImportFault(Imported + Skipped + Refused, line, fault));
            }
        }
    }
}
