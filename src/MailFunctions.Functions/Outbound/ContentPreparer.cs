using System.Text;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Outbound.Smtp;

namespace MailFunctions.Functions.Outbound;

/// <summary>Reads a job's message from the store, and encodes and signs it as the peer's extensions and the RFCs allow.</summary>
internal sealed class ContentPreparer(IMessageStore store, MessageSigner signer)
{
    /// <summary>
    /// The octets as they are when the peer has the extensions they need; otherwise converted as far as the RFCs allow. The
    /// signature is over what leaves.
    /// </summary>
    public async Task<OutgoingContent> PrepareAsync(OutboundJob job, PeerExtensions peer, CancellationToken cancellationToken)
    {
        // RFC 9228 §3: this field reveals a loop when the message comes back.
        var field = job.DeliveredTo is { } through ? Encoding.UTF8.GetBytes($"Delivered-To: {through}\r\n") : [];
        var stored = new StoredContent(store, job.Blob, field);
        OutgoingContent? content = null;
        try
        {
            return content = await PrepareAsync(job with { Size = job.Size + field.Length }, stored, peer, cancellationToken);
        }
        finally
        {
            if (content is not OutgoingContent.Ready)
            {
                await stored.DisposeAsync();
            }
        }
    }

    private async Task<OutgoingContent> PrepareAsync(
        OutboundJob job, StoredContent stored, PeerExtensions peer, CancellationToken cancellationToken)
    {
        // What the content is counts, and not what its sender declared.
        if (await stored.LookAsync(cancellationToken) is not { } traits)
        {
            return new OutgoingContent.Missing();
        }

        // RFC 6531 §3.2: asked for where an address or the header section has it, and by nothing else: hosts behind the peer
        // may not have the extension, and return what does not need it.
        var international = WirePath.IsInternational(job.MailFrom.Address) || job.Recipients.Any(r => WirePath.IsInternational(r.Address))
            || (traits.HasEightBitHeader && (job.MailFrom.SmtpUtf8 || !Ascii.IsValid(job.DeliveredTo ?? "")));
        if (international && !peer.SmtpUtf8)
        {
            return new OutgoingContent.Unfit(
                "5.6.7", "The remote host can't take internationalized mail (SMTPUTF8), and this message needs it");
        }

        var eightBit = peer.EightBitMime || international; // RFC 6531 §3.1: a host with SMTPUTF8 takes 8-bit content
        var body = job.MailFrom.Body == "BINARYMIME" ? BodyType.Binary : traits.Body;
        if (body switch { BodyType.Binary => peer.BinaryMime, BodyType.EightBit => eightBit, _ => true })
        {
            return await SignAsync(job, new Source(stored.OpenAsync, job.Size, body, international, stored), cancellationToken);
        }

        var original = await stored.OpenAsync(cancellationToken);
        var converted = await ContentConversion.ConvertAsync(original, eightBit, international, cancellationToken);
        return converted switch
        {
            ConvertedContent.Done { Octets: var octets, Body: var form } =>
                await SignAsync(job, new Source(_ => Open(octets), octets.Length, form, international, stored), cancellationToken),
            ConvertedContent.Unfit unfit => new OutgoingContent.Unfit("5.6.3", unfit.Reason),
            _ => throw new InvalidOperationException("There is no such conversion."),
        };

        static Task<Stream> Open(byte[] octets) => Task.FromResult<Stream>(new MemoryStream(octets, writable: false));
    }

    private async Task<OutgoingContent> SignAsync(OutboundJob job, Source source, CancellationToken cancellationToken) =>
        await signer.SignAsync(job, source.OpenAsync, cancellationToken) switch
        {
            SigningResult.Done { Fields: var fields, Content: var whole } => new OutgoingContent.Ready(
                new SmtpContent(
                    fields.IsEmpty ? whole : new JoinedStream(fields, whole),
                    fields.Length + source.Size,
                    source.Body,
                    source.International),
                source.Stored),
            SigningResult.Unavailable unavailable => new OutgoingContent.Unsigned(unavailable.Reason),
            _ => throw new InvalidOperationException("There is no such result."),
        };

    /// <summary>The message in its outgoing form, before it is signed.</summary>
    /// <param name="OpenAsync">Opens it from its start, any number of times.</param>
    private sealed record Source(
        Func<CancellationToken, Task<Stream>> OpenAsync, long Size, BodyType Body, bool International, StoredContent Stored);
}
