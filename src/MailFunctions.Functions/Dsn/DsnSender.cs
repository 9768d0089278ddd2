using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MimeKit;

namespace MailFunctions.Functions.Dsn;

/// <summary>
/// Submits reports like any other message: a blob, then an envelope on `mail-inbound`, from where they reach a local mailbox
/// or become a job of their own. The same report sent again is the same message, so it arrives once.
/// </summary>
internal sealed class DsnSender(IMessageStore store, IBusSender bus, ReportLimit limit, ReportOptions options)
{
    /// <summary>Appended to the trace of a result that was not reported.</summary>
    public const string OverLimit = "; not reported, since the sender has had as many reports as an address gets in an hour";

    /// <summary>False when the sender has had as many reports as an address gets in an hour.</summary>
    public async Task<bool> SendAsync(Report report, CancellationToken cancellationToken)
    {
        // RFC 3461 §4.3, RFC 5321 §6.1: nothing is ever sent to the null reverse-path, so no report about a report.
        if (report.Recipients.Count == 0 || report.MailFrom.Address.Length == 0)
        {
            return true;
        }

        var id = IdOf(report);
        if (!report.IsOurs && !await limit.TakeAsync(report.MailFrom.Address, id, report.At, cancellationToken))
        {
            return false;
        }

        var blob = MessageName.BlobFor(id, report.At);
        var stored = await StoreAsync(report, id, blob, cancellationToken);
        var envelope = new InboundEnvelope
        {
            Id = id,
            ReceivedAt = report.At,
            Listener = ListenerKind.Internal,
            Client = new ClientInfo("127.0.0.1", options.HostName, null, null),
            MailFrom = new ReversePath { Address = "", SmtpUtf8 = NeedsUtf8(report), Body = stored.IsEightBit ? "8BITMIME" : null },
            Recipients = [new EnvelopeRecipient { Address = report.MailFrom.Address, Notify = "NEVER" }],
            Size = stored.Octets,
            Blob = blob,
        };
        await bus.SendAsync(QueueNames.Inbound, InboundMessage.For(envelope), cancellationToken);
        return true;
    }

    // RFC 6531 §3.4: the To field names the sender; everything else of a report is encoded.
    private static bool NeedsUtf8(Report report) => !Ascii.IsValid(report.MailFrom.Address);

    /// <summary>The blob, written now or by an earlier try.</summary>
    private async Task<Stored> StoreAsync(Report report, string id, string blob, CancellationToken cancellationToken)
    {
        if (await FindAsync(blob, cancellationToken) is { } before)
        {
            return before;
        }

        // RFC 3461 §6.2: the whole message only for a failure, and only when RET asks for it; headers by default.
        // RFC 8689 §5: never the whole of one that was to be protected. And none of mail from others, whose sender may
        // be forged: the report would deliver the forger's content.
        var whole = report.IsOurs && report.Has(DsnAction.Failed) && report.MailFrom is { Ret: "FULL", RequireTls: false }
            && report.Size <= ReturnedContent.MaxMessageOctets;
        var most = whole ? ReturnedContent.MaxMessageOctets : ReturnedContent.MaxHeaderOctets + 1;
        var original = await ReadOriginalAsync(report.Blob, most, cancellationToken);
        using var message = DsnMessage.Create(report, original, whole, options.HostName, id);
        var octets = new MemoryStream();
        octets.Write(Encoding.ASCII.GetBytes(
            $"Received: by {options.HostName} (delivery status notification)\r\n"
            + $"\tid {id}; {MimeKit.Utils.DateUtils.FormatDate(report.At)}\r\n"));
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        format.International = NeedsUtf8(report);
        await message.WriteToAsync(format, octets, cancellationToken);
        await using var upload = store.BeginUpload(blob);
        await upload.WriteAsync(octets.GetBuffer().AsMemory(0, (int)octets.Length), cancellationToken);
        try
        {
            await upload.CommitAsync(cancellationToken);
            octets.Position = 0;
            return await Stored.ReadAsync(octets, cancellationToken);
        }
        catch (StoreUnavailableException)
        {
            // A conflict: another invocation reports the same results, and its report is this one.
            if (await FindAsync(blob, cancellationToken) is { } theirs)
            {
                return theirs;
            }

            throw;
        }
    }

    /// <summary>Null when the blob is not there.</summary>
    private async Task<Stored?> FindAsync(string blob, CancellationToken cancellationToken)
    {
        await using var content = await store.OpenReadAsync(blob, 0, cancellationToken);
        return content is null ? null : await Stored.ReadAsync(content, cancellationToken);
    }

    private async Task<byte[]> ReadOriginalAsync(string blob, int most, CancellationToken cancellationToken)
    {
        await using var content = await store.OpenReadAsync(blob, 0, cancellationToken);
        if (content is null)
        {
            return [];
        }

        var octets = new byte[most];
        return octets[..await content.ReadAtLeastAsync(octets, most, throwOnEndOfStream: false, cancellationToken)];
    }

    /// <summary>A UUIDv7 of the result's time whose random part is derived: the same report always has the same name.</summary>
    private static string IdOf(Report report)
    {
        Span<byte> id = stackalloc byte[16];
        Guid.CreateVersion7(report.At).TryWriteBytes(id, bigEndian: true, out _);
        var derived = SHA256.HashData(Encoding.UTF8.GetBytes($"{report.Key}\n{report.At.UtcTicks}"));
        derived.AsSpan(0, 10).CopyTo(id[6..]);
        id[6] = (byte)((id[6] & 0x0f) | 0x70);
        id[8] = (byte)((id[8] & 0x3f) | 0x80);
        return new Guid(id, bigEndian: true).ToString("D");
    }

    /// <summary>A stored report.</summary>
    private readonly record struct Stored(long Octets, bool IsEightBit)
    {
        public static async Task<Stored> ReadAsync(Stream stream, CancellationToken cancellationToken)
        {
            var buffer = new byte[16 * 1024];
            var stored = default(Stored);
            int read;
            while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
            {
                stored = new Stored(stored.Octets + read, stored.IsEightBit || !Ascii.IsValid(buffer.AsSpan(0, read)));
            }

            return stored;
        }
    }
}
