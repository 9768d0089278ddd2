using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dkim;
using MailKit.Net.Smtp;
using MimeKit;

namespace MailFunctions.Functions.Outbound;

/// <summary>A message as a peer can take it, or why it can't.</summary>
internal abstract record OutgoingContent
{
    private const int MaxHeaderOctets = 1024 * 1024;

    public sealed record Ready(MimeMessage Message, long Size, bool International) : OutgoingContent;

    /// <param name="Status">RFC 3463 status.</param>
    public sealed record Unfit(string Status, string Reason) : OutgoingContent;

    /// <summary>It has to be signed, and can't be now.</summary>
    public sealed record Unsigned(string Reason) : OutgoingContent;

    /// <summary>
    /// The octets as they are when the peer has the extensions they need; otherwise changed as far as the RFCs allow. What
    /// is signed is what leaves.
    /// </summary>
    /// <param name="content">The message from its start.</param>
    /// <param name="again">Gives it from its start once more.</param>
    public static async Task<OutgoingContent> PrepareAsync(
        OutboundJob job,
        MessageSigner signer,
        Stream content,
        Func<CancellationToken, Task<Stream>> again,
        SmtpCapabilities peer,
        CancellationToken cancellationToken)
    {
        var international = false;
        if (job.MailFrom.SmtpUtf8 && !peer.HasFlag(SmtpCapabilities.UTF8))
        {
            // RFC 6531 §3.2: without the extension only what is plain ASCII may go on.
            var header = await ReadHeaderAsync(content, cancellationToken);
            if (!System.Text.Ascii.IsValid(header) || !System.Text.Ascii.IsValid(job.MailFrom.Address)
                || job.Recipients.Any(r => !System.Text.Ascii.IsValid(r.Address)))
            {
                return new Unfit("5.6.7", "The remote host can't take internationalized mail (SMTPUTF8), and this message needs it");
            }

            content = new JoinedStream(header, content);
        }
        else
        {
            international = job.MailFrom.SmtpUtf8;
        }

        var (encoding, needed) = job.MailFrom.Body switch
        {
            "BINARYMIME" => (ContentEncoding.Binary, SmtpCapabilities.BinaryMime | SmtpCapabilities.Chunking),
            "8BITMIME" => (ContentEncoding.EightBit, SmtpCapabilities.EightBitMime),
            _ => (ContentEncoding.SevenBit, SmtpCapabilities.None),
        };
        return peer.HasFlag(needed)
            ? await SignAsync(job, signer, content, job.Size, again, encoding, international, cancellationToken)
            : await ConvertAsync(job, signer, content, peer, international, cancellationToken);
    }

    private static async Task<OutgoingContent> SignAsync(
        OutboundJob job,
        MessageSigner signer,
        Stream content,
        long size,
        Func<CancellationToken, Task<Stream>> again,
        ContentEncoding encoding,
        bool international,
        CancellationToken cancellationToken) => await signer.SignAsync(job, content, again, cancellationToken) switch
        {
            SigningResult.Done { Fields: var fields, Content: var whole } => new Ready(
                await RawMessage.CreateAsync(fields.IsEmpty ? whole : new JoinedStream(fields, whole), encoding, cancellationToken), fields.Length + size, international),
            SigningResult.Unavailable unavailable => new Unsigned(unavailable.Reason),
            _ => throw new InvalidOperationException("There is no such result."),
        };

    /// <summary>RFC 6152 §3: the body is encoded anew where nothing is signed over it.</summary>
    private static async Task<OutgoingContent> ConvertAsync(
        OutboundJob job, MessageSigner signer, Stream content, SmtpCapabilities peer, bool international, CancellationToken cancellationToken)
    {
        var eightBit = peer.HasFlag(SmtpCapabilities.EightBitMime);
        MimeMessage message;
        try
        {
            message = await MimeMessage.LoadAsync(content, cancellationToken);
        }
        catch (FormatException)
        {
            return new Unfit("5.6.3", "The remote host takes 7-bit mail only, and this message can't be converted");
        }

        // RFC 1847 §2.1: what is signed stays as it is.
        if (new MimeIterator(message) is var parts && Any(parts, p => p is Multipart { ContentType.MediaSubtype: "signed" or "encrypted" }))
        {
            message.Dispose();
            return new Unfit("5.6.3", "The remote host takes 7-bit mail only, and this message is signed in its 8-bit form");
        }

        message.Prepare(eightBit ? EncodingConstraint.EightBit : EncodingConstraint.SevenBit, 998);
        var converted = new MemoryStream();
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        format.International = international;
        await message.WriteToAsync(format, converted, cancellationToken);
        message.Dispose();
        converted.Position = 0;
        var encoding = eightBit ? ContentEncoding.EightBit : ContentEncoding.SevenBit;
        return await SignAsync(job, signer, converted, converted.Length, Rewound, encoding, international, cancellationToken);

        Task<Stream> Rewound(CancellationToken unused)
        {
            converted.Position = 0;
            return Task.FromResult<Stream>(converted);
        }
    }

    private static bool Any(MimeIterator parts, Func<MimeEntity, bool> wanted)
    {
        using (parts)
        {
            while (parts.MoveNext())
            {
                if (wanted(parts.Current!))
                {
                    return true;
                }
            }
        }

        return false;
    }

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
