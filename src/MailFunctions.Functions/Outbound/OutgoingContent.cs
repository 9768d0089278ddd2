using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dkim;
using MailFunctions.Functions.Outbound.Smtp;

namespace MailFunctions.Functions.Outbound;

/// <summary>A message as a peer can take it, or why it can't.</summary>
internal abstract record OutgoingContent
{
    private const int MaxHeaderOctets = 1024 * 1024;

    /// <param name="Stream">From its start, read once.</param>
    /// <param name="International">The message or its envelope needs SMTPUTF8.</param>
    public sealed record Ready(Stream Stream, long Size, BodyType Body, bool International) : OutgoingContent;

    /// <param name="Status">RFC 3463 status.</param>
    public sealed record Unfit(string Status, string Reason) : OutgoingContent;

    /// <summary>It has to be signed, and can't be now.</summary>
    public sealed record Unsigned(string Reason) : OutgoingContent;

    /// <summary>
    /// The octets as they are when the peer has the extensions they need; otherwise changed as far as the RFCs allow. What
    /// is signed is what leaves.
    /// </summary>
    /// <param name="traits">Of the content: what it is counts, and not what its sender declared.</param>
    /// <param name="open">Gives the message from its start.</param>
    public static async Task<OutgoingContent> PrepareAsync(
        OutboundJob job,
        MessageSigner signer,
        ContentTraits traits,
        Func<CancellationToken, Task<Stream>> open,
        PeerExtensions peer,
        CancellationToken cancellationToken)
    {
        // RFC 6531 §3.2: asked for where an address or the header section has it, and by nothing else: hosts behind the peer
        // may not have the extension, and return what does not need it.
        var international = WirePath.IsInternational(job.MailFrom.Address) || job.Recipients.Any(r => WirePath.IsInternational(r.Address))
            || (traits.HasEightBitHeader && (job.MailFrom.SmtpUtf8 || !System.Text.Ascii.IsValid(job.DeliveredTo ?? "")));
        if (international && !peer.SmtpUtf8)
        {
            return new Unfit("5.6.7", "The remote host can't take internationalized mail (SMTPUTF8), and this message needs it");
        }

        var eightBit = peer.EightBitMime || international; // RFC 6531 §3.1: who has SMTPUTF8 takes 8-bit content
        var body = job.MailFrom.Body == "BINARYMIME" ? BodyType.Binary : traits.Body;
        return body switch
        {
            BodyType.Binary when !peer.BinaryMime => await ConvertAsync(),
            BodyType.EightBit when !eightBit => await ConvertAsync(),
            _ => await SignAsync(job, signer, await open(cancellationToken), job.Size, open, body, international, cancellationToken),
        };

        async Task<OutgoingContent> ConvertAsync()
        {
            var converted = await ContentConversion.ConvertAsync(await open(cancellationToken), eightBit, international, cancellationToken);
            return converted.Octets is { } octets
                ? await SignAsync(
                    job, signer, Again(), octets.Length, _ => Task.FromResult(Again()), converted.Body, international, cancellationToken)
                : new Unfit("5.6.3", converted.Fault);

            Stream Again() => new MemoryStream(octets, writable: false);
        }
    }

    private static async Task<OutgoingContent> SignAsync(
        OutboundJob job,
        MessageSigner signer,
        Stream content,
        long size,
        Func<CancellationToken, Task<Stream>> again,
        BodyType body,
        bool international,
        CancellationToken cancellationToken) => await signer.SignAsync(job, content, again, cancellationToken) switch
        {
            SigningResult.Done { Fields: var fields, Content: var whole } =>
                new Ready(fields.IsEmpty ? whole : new JoinedStream(fields, whole), fields.Length + size, body, international),
            SigningResult.Unavailable unavailable => new Unsigned(unavailable.Reason),
            _ => throw new InvalidOperationException("There is no such result."),
        };

    /// <summary>Up to the empty line and a little more, or to the bound.</summary>
    public static async Task<byte[]> ReadHeaderAsync(Stream content, CancellationToken cancellationToken)
    {
        var header = new MemoryStream();
        var buffer = new byte[4096];
        while (header.Length < MaxHeaderOctets)
        {
            var read = await content.ReadAsync(buffer, cancellationToken);
            var before = Math.Max(0, (int)header.Length - 3);
            header.Write(buffer, 0, read);
            if (read == 0 || header.GetBuffer().AsSpan(before, (int)header.Length - before).IndexOf("\r\n\r\n"u8) >= 0)
            {
                break;
            }
        }

        return header.ToArray();
    }
}
