using System.Globalization;
using System.Text;

namespace MailFunctions.Protocols.Smtp;

/// <summary>
/// Decodes encoded-words (RFC 2047) to find the addresses in them: ASCII is all that has to come out right, and letters of
/// other scripts may come out as any others.
/// </summary>
internal static class EncodedWords
{
    /// <summary>Charsets in which an octet of ASCII is that character, but for what <see cref="ToText"/> leaves out.</summary>
    private static readonly string[] Charsets =
    [
        "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-", "iso8859-", "iso_8859-", "latin", "windows-", "cp125", "cp866", "ibm8",
        "koi8-", "tis-620", "macintosh", "x-mac-", "iso-2022-", "shift_jis", "shift-jis", "sjis", "cp932", "euc-", "ks_c_5601",
        "gb2312", "gbk", "gb18030", "big5",
    ];

    private static readonly string[] PairCharsets = ["gb", "big5", "ks_c_5601"];

    /// <summary>Stands for a letter that is not of ASCII.</summary>
    private const char Other = '\u00FF';

    /// <summary>The text with its encoded-words decoded; null when one is in a charset that could hide an address.</summary>
    public static string? Decode(string text)
    {
        var decoded = new StringBuilder(text.Length);
        var (copied, afterWord) = (0, false);
        var lastEnd = text.LastIndexOf("?=", StringComparison.Ordinal); // behind it nothing is looked for: time stays linear
        for (var at = 0; (at = text.IndexOf("=?", at, StringComparison.Ordinal)) >= 0 && at < lastEnd;)
        {
            if (!TryRead(text, at, out var charset, out var octets, out var end))
            {
                at += 2;
                continue;
            }

            if (!Charsets.Any(c => charset.StartsWith(c, StringComparison.OrdinalIgnoreCase)))
            {
                return null;
            }

            // RFC 2047 §6.2: blanks between two encoded-words are not shown.
            var between = text.AsSpan(copied, at - copied);
            decoded.Append(afterWord && between.IsWhiteSpace() ? "" : between).Append(ToText(octets, charset));
            (copied, afterWord, at) = (end, true, end);
        }

        return decoded.Append(text, copied, text.Length - copied).ToString();
    }

    // "=?" charset "?" encoding "?" encoded-text "?="
    private static bool TryRead(string text, int at, out string charset, out byte[] octets, out int end)
    {
        (charset, octets, end) = ("", [], 0);
        var mark = text.IndexOf('?', at + 2);
        if (mark < 0 || mark + 2 >= text.Length || text[mark + 2] != '?' || char.ToUpperInvariant(text[mark + 1]) is not ('Q' or 'B'))
        {
            return false;
        }

        var close = text.IndexOf("?=", mark + 3, StringComparison.Ordinal);
        if (close < 0)
        {
            return false;
        }

        charset = text[(at + 2)..mark].Split('*')[0]; // RFC 2231 §5: a language behind it
        octets = text[mark + 1] is 'Q' or 'q' ? FromQ(text[(mark + 3)..close]) : FromBase64(text[(mark + 3)..close]);
        end = close + 2;
        return true;
    }

    // RFC 2047 §4.2
    private static byte[] FromQ(string text)
    {
        var octets = new MemoryStream(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '=' && i + 2 < text.Length
                && byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
            {
                octets.WriteByte(octet);
                i += 2;
            }
            else
            {
                octets.WriteByte(text[i] == '_' ? (byte)' ' : (byte)text[i]);
            }
        }

        return octets.ToArray();
    }

    /// <summary>As lenient decoders do: what is not of the alphabet is left out, and a missing end is made up.</summary>
    private static byte[] FromBase64(string text)
    {
        var letters = string.Concat(text.Where(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '/'));
        letters = letters[..(letters.Length - (letters.Length % 4 == 1 ? 1 : 0))];
        return Convert.FromBase64String(letters.PadRight((letters.Length + 3) / 4 * 4, '='));
    }

    private static string ToText(byte[] octets, string charset)
    {
        if (charset.StartsWith("utf", StringComparison.OrdinalIgnoreCase))
        {
            return Encoding.UTF8.GetString(octets);
        }

        // Octets of two-octet characters can look like ASCII: in ISO-2022 between escape sequences, elsewhere behind a first octet.
        var isIso2022 = charset.StartsWith("iso-2022", StringComparison.OrdinalIgnoreCase);
        var isShiftJis = charset.Contains("jis", StringComparison.OrdinalIgnoreCase) || charset.Contains("932", StringComparison.Ordinal);
        var hasPairs = isShiftJis || PairCharsets.Any(c => charset.StartsWith(c, StringComparison.OrdinalIgnoreCase));
        var text = new StringBuilder(octets.Length);
        var inPairs = false;
        for (var i = 0; i < octets.Length; i++)
        {
            var octet = octets[i];
            if (isIso2022 && octet == 0x1B && i + 2 < octets.Length)
            {
                inPairs = octets[i + 1] == '$';
                i += 2;
            }
            else if (octet >= 0x80 || inPairs)
            {
                text.Append(Other);
                var isFirst = hasPairs && octet > 0x80 && !(isShiftJis && octet is >= 0xA0 and < 0xE0);
                i += isFirst && i + 1 < octets.Length && octets[i + 1] >= 0x40 ? 1 : 0;
            }
            else
            {
                text.Append((char)octet);
            }
        }

        return text.ToString();
    }
}
