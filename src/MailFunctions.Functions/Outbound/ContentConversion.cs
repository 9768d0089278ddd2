using System.Buffers;
using MailFunctions.Functions.Outbound.Smtp;
using MimeKit;

namespace MailFunctions.Functions.Outbound;

/// <summary>The result of re-encoding a message.</summary>
internal abstract record ConvertedContent
{
    public sealed record Done(byte[] Octets, BodyType Body) : ConvertedContent;

    /// <summary>It can't be converted.</summary>
    public sealed record Unfit(string Reason) : ConvertedContent;
}

/// <summary>Re-encodes a message for a peer that can't take it as it is (RFC 6152 §3, RFC 3030 §3).</summary>
internal static class ContentConversion
{
    private const int MaxLine = 998;

    /// <param name="eightBit">The peer takes octets over 127.</param>
    /// <param name="international">And header sections in UTF-8.</param>
    public static async Task<ConvertedContent> ConvertAsync(
        Stream content, bool eightBit, bool international, CancellationToken cancellationToken)
    {
        MimeMessage message;
        try
        {
            message = await MimeMessage.LoadAsync(content, cancellationToken);
        }
        catch (FormatException)
        {
            return Unfit("this message can't be converted");
        }

        using (message)
        {
            var entities = Entities(message).ToList();
            // RFC 1847 §2.1: signed parts stay unchanged.
            if (entities.Any(e => e is Multipart { ContentType.MediaSubtype: "signed" or "encrypted" }))
            {
                return Unfit("this message is signed in its 8-bit form");
            }

            message.Prepare(eightBit ? EncodingConstraint.EightBit : EncodingConstraint.SevenBit, MaxLine);
            if (!message.Headers.Contains(HeaderId.MimeVersion))
            {
                // RFC 2045 §4: without it the encodings would mean nothing.
                message.MimeVersion = new Version(1, 0);
            }

            if (!eightBit)
            {
                entities.ForEach(EncodeHeader);
                Encode(message.Headers);
                entities.OfType<MessagePart>().Where(p => p.Message is not null).ToList().ForEach(p => Encode(p.Message!.Headers));
            }

            var format = FormatOptions.Default.Clone();
            format.NewLineFormat = NewLineFormat.Dos;
            format.International = international;
            var written = new MemoryStream();
            await message.WriteToAsync(format, written, cancellationToken);
            var octets = WithWholeBreaks(written);
            return eightBit || System.Text.Ascii.IsValid(octets)
                ? new ConvertedContent.Done(octets, System.Text.Ascii.IsValid(octets) ? BodyType.SevenBit : BodyType.EightBit)
                : Unfit("this message can't be converted");
        }
    }

    private static ConvertedContent.Unfit Unfit(string reason) => new($"The remote host takes 7-bit mail only, and {reason}");

    /// <summary>All parts, those of nested messages too.</summary>
    private static IEnumerable<MimeEntity> Entities(MimeMessage message)
    {
        using var parts = new MimeIterator(message);
        while (parts.MoveNext())
        {
            yield return parts.Current!;
        }
    }

    private static void EncodeHeader(MimeEntity entity)
    {
        Encode(entity.Headers);
        if (entity is Multipart multipart)
        {
            // RFC 2046 §5.1.1: readers ignore it.
            multipart.Preamble = System.Text.Ascii.IsValid(multipart.Preamble ?? "") ? multipart.Preamble : null;
            multipart.Epilogue = System.Text.Ascii.IsValid(multipart.Epilogue ?? "") ? multipart.Epilogue : null;
        }
    }

    /// <summary>Raw octets in a field become encoded words (RFC 2047).</summary>
    private static void Encode(HeaderList fields)
    {
        foreach (var field in fields.Where(f => !System.Text.Ascii.IsValid(f.RawValue)).ToList())
        {
            field.SetValue(System.Text.Encoding.UTF8, field.Value);
        }
    }

    private static byte[] WithWholeBreaks(MemoryStream written)
    {
        var whole = new ArrayBufferWriter<byte>((int)written.Length + 2);
        var lines = new DataLines(dots: false);
        lines.Write(written.GetBuffer().AsSpan(0, (int)written.Length), whole);
        lines.End(whole);
        return whole.WrittenSpan.ToArray();
    }
}
