using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Telemetry;
using MailFunctions.Functions.Outbound;
using MimeKit;

namespace MailFunctions.Functions.Dsn;

/// <summary>
/// Puts reports on the way that every message goes: a blob, then an envelope on `mail-inbound`, from where they reach a
/// local mailbox or become a job of their own. The same report sent again is the same message, so it arrives once.
/// </summary>
internal sealed class DsnSender(IMessageStore store, IBusSender bus, RelayOptions options)
{
    public async Task SendAsync(OutboundJob job, DsnAction action, IReadOnlyList<RecipientResult> results, CancellationToken cancellationToken)
    {
        // RFC 3461 §4.3, RFC 5321 §6.1: nothing is ever sent to the null reverse-path, so no report about a report.
        if (results.Count == 0 || job.MailFrom.Address.Length == 0)
        {
            return;
        }

        var at = results.Max(r => r.At);
        var id = IdOf(job, action, at);
        var blob = MessageName.BlobFor(id, at);
        var size = await StoreAsync(job, action, results, id, blob, at, cancellationToken);
        var envelope = new InboundEnvelope
        {
            Id = id,
            ReceivedAt = at,
            Listener = ListenerKind.Internal,
            Client = new ClientInfo("127.0.0.1", options.HostName, null, null),
            MailFrom = new ReversePath { Address = "", SmtpUtf8 = job.MailFrom.SmtpUtf8, Body = job.MailFrom.Body is null ? null : "8BITMIME" },
            Recipients = [new EnvelopeRecipient { Address = job.MailFrom.Address, Notify = "NEVER" }],
            Size = size,
            Blob = blob,
        };
        await bus.SendAsync(
            QueueNames.Inbound,
            new BusMessage(id, JsonSerializer.SerializeToUtf8Bytes(envelope, EnvelopeJson.Compact.InboundEnvelope)) { TraceParent = MailSpans.TraceParent },
            cancellationToken);
    }

    /// <summary>Octets of the blob, written now or by the try before.</summary>
    private async Task<long> StoreAsync(
        OutboundJob job, DsnAction action, IReadOnlyList<RecipientResult> results, string id, string blob, DateTimeOffset at, CancellationToken cancellationToken)
    {
        if (await FindLengthAsync(blob, cancellationToken) is { } before)
        {
            return before;
        }

        // RFC 3461 §6.2: the whole message only for a failure, and only when RET asks for it; headers by default.
        // RFC 8689 §5: never the whole of one that was to be protected.
        var wanted = action == DsnAction.Failed && job.MailFrom is { Ret: "FULL", RequireTls: false } && job.Size <= DsnMessage.MaxReturned;
        var original = await ReadOriginalAsync(job.Blob, wanted, cancellationToken);
        using var message = DsnMessage.Create(
            job, action, results, original, wanted, options.HostName, id, at, job.ReceivedAt + options.Schedule.GiveUpAfter);
        var octets = new MemoryStream();
        octets.Write(Encoding.ASCII.GetBytes(
            $"Received: by {options.HostName} (delivery status notification)\r\n\tid {id}; {MimeKit.Utils.DateUtils.FormatDate(at)}\r\n"));
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        format.International = job.MailFrom.SmtpUtf8;
        await message.WriteToAsync(format, octets, cancellationToken);
        await using var upload = store.BeginUpload(blob);
        await upload.WriteAsync(octets.GetBuffer().AsMemory(0, (int)octets.Length), cancellationToken);
        try
        {
            await upload.CommitAsync(cancellationToken);
            return octets.Length;
        }
        catch (StoreUnavailableException)
        {
            // Another function that tells the same results at the same time was quicker: its report is this one.
            if (await FindLengthAsync(blob, cancellationToken) is { } theirs)
            {
                return theirs;
            }

            throw;
        }
    }

    /// <summary>Octets of a blob; null when it is not there.</summary>
    private async Task<long?> FindLengthAsync(string blob, CancellationToken cancellationToken)
    {
        await using var content = await store.OpenReadAsync(blob, 0, cancellationToken);
        return content is null ? null : await LengthAsync(content, cancellationToken);
    }

    private async Task<byte[]> ReadOriginalAsync(string blob, bool whole, CancellationToken cancellationToken)
    {
        await using var content = await store.OpenReadAsync(blob, 0, cancellationToken);
        if (content is null)
        {
            return [];
        }

        var octets = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while (octets.Length < DsnMessage.MaxReturned && (read = await content.ReadAsync(buffer, cancellationToken)) > 0)
        {
            octets.Write(buffer, 0, read);
            var end = whole ? -1 : octets.GetBuffer().AsSpan(0, (int)octets.Length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                octets.SetLength(end + 2);
                break;
            }
        }

        return octets.ToArray();
    }

    private static async Task<long> LengthAsync(Stream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[16 * 1024];
        long length = 0;
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
        {
            length += read;
        }

        return length;
    }

    /// <summary>A UUIDv7 of the result's time whose random part is derived: the same report always has the same name.</summary>
    private static string IdOf(OutboundJob job, DsnAction action, DateTimeOffset at)
    {
        Span<byte> id = stackalloc byte[16];
        Guid.CreateVersion7(at).TryWriteBytes(id, bigEndian: true, out _);
        var derived = SHA256.HashData(Encoding.UTF8.GetBytes($"{job.Id}\n{action}\n{at.UtcTicks}"));
        derived.AsSpan(0, 10).CopyTo(id[6..]);
        id[6] = (byte)((id[6] & 0x0f) | 0x70);
        id[8] = (byte)((id[8] & 0x3f) | 0x80);
        return new Guid(id, bigEndian: true).ToString("D");
    }
}
