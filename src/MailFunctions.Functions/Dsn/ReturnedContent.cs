using System.Text;
using MimeKit;

namespace MailFunctions.Functions.Dsn;

/// <summary>The last part of a report: the message that it is about, or its header section.</summary>
internal static class ReturnedContent
{
    /// <summary>Octets of a message that is sent back in whole.</summary>
    public const int MaxMessageOctets = 1024 * 1024;

    /// <summary>Octets of a header section that are sent back at most.</summary>
    public const int MaxHeaderOctets = 64 * 1024;

    // RFC 5322 §2.1.1
    private const int MaxLineOctets = 998;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <param name="original">The message, or enough of it to have its header section.</param>
    /// <param name="whole">It is the whole message, and the whole is to be returned.</param>
    /// <param name="international">The sender's client supports internationalized mail (RFC 6531).</param>
    public static MimeEntity Create(byte[] original, bool whole, bool international)
    {
        if (!whole || !HasCleanLines(original))
        {
            return HeaderSection(original, international);
        }

        if (Ascii.IsValid(original))
        {
            return Part("message", "rfc822", original, ContentEncoding.SevenBit);
        }

        // RFC 2046 §5.2.1: message/rfc822 has no encoding but 7bit and 8bit; RFC 6532 §3.7: message/global may have any.
        return CanBeEncodedAnew(original) ? Part("message", "rfc822", original, ContentEncoding.EightBit)
            : international ? Part("message", "global", original, ContentEncoding.Base64)
            : HeaderSection(original, international);
    }

    private static MimePart HeaderSection(byte[] original, bool international)
    {
        var header = original.AsSpan(0, HeaderLength(original)).ToArray();
        if (HasCleanLines(header) && Ascii.IsValid(header))
        {
            return Part("text", "rfc822-headers", header, ContentEncoding.SevenBit);
        }

        var utf8 = IsUtf8(header);
        if (utf8 && international)
        {
            return Part("message", "global-headers", header, ContentEncoding.QuotedPrintable); // RFC 6533 §5
        }

        // RFC 6522 §4: what is not 7-bit is encoded.
        var part = Part("text", "rfc822-headers", header, ContentEncoding.QuotedPrintable);
        if (utf8)
        {
            part.ContentType.Charset = "utf-8";
        }

        return part;
    }

    private static MimePart Part(string type, string subtype, byte[] octets, ContentEncoding encoding) => new(type, subtype)
    {
        Content = new MimeContent(new MemoryStream(octets)),
        ContentTransferEncoding = encoding,
    };

    /// <summary>Up to the empty line; where that is too far, up to the last line that fits.</summary>
    private static int HeaderLength(ReadOnlySpan<byte> original)
    {
        var bounded = original[..Math.Min(original.Length, MaxHeaderOctets)];
        var end = bounded.IndexOf("\r\n\r\n"u8);
        return end >= 0 ? end + 2
            : original.Length <= MaxHeaderOctets ? original.Length
            : bounded.LastIndexOf("\r\n"u8) is >= 0 and var last ? last + 2
            : bounded.Length;
    }

    /// <summary>CRLF alone, no NUL, no line too long: what 7bit and 8bit are (RFC 2045 §2.7, §2.8).</summary>
    private static bool HasCleanLines(ReadOnlySpan<byte> octets)
    {
        while (!octets.IsEmpty)
        {
            var end = octets.IndexOfAny("\r\n\0"u8);
            var line = end < 0 ? octets.Length : end;
            if (line > MaxLineOctets || (end >= 0 && !octets[end..].StartsWith("\r\n"u8)))
            {
                return false;
            }

            octets = end < 0 ? [] : octets[(end + 2)..];
        }

        return true;
    }

    /// <summary>
    /// For a 7-bit host the bodies are re-encoded (RFC 6152 §3), which header fields can't be, and signed parts must not be
    /// (RFC 1847 §2.1).
    /// </summary>
    private static bool CanBeEncodedAnew(byte[] octets)
    {
        try
        {
            using var message = MimeMessage.Load(new MemoryStream(octets));
            using var parts = new MimeIterator(message);
            var good = IsPlain(message.Headers);
            while (good && parts.MoveNext())
            {
                good = parts.Current is not Multipart { ContentType.MediaSubtype: "signed" or "encrypted" }
                    && IsPlain(parts.Current!.Headers);
            }

            return good;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static bool IsPlain(HeaderList headers) => headers.All(h => Ascii.IsValid(h.RawValue) && Ascii.IsValid(h.RawField));

    private static bool IsUtf8(byte[] octets)
    {
        try
        {
            Utf8.GetCharCount(octets);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
