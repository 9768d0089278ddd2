using System.Buffers;
using System.Globalization;

namespace MailFunctions.Core.Addresses;

/// <summary>A mail domain in its one canonical form: lower-case A-labels (RFC 5890 §2.3.2.1), no trailing dot.</summary>
public static class DomainName
{
    /// <summary>RFC 5321 §4.5.3.1.2, in octets.</summary>
    public const int MaxOctets = 255;

    private static readonly SearchValues<char> LetterDigitHyphenDot =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    private static readonly SearchValues<char> WithUnderscore =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-._");

    /// <summary>Brings a domain, in U-label or A-label form, into the canonical form; false when it is not a domain name.</summary>
    /// <param name="underscores">Takes them as letters: DNS does (RFC 2181 §11), and hosts of senders have them.</param>
    public static bool TryNormalize(string? text, out string domain, bool underscores = false)
    {
        domain = "";
        if (string.IsNullOrEmpty(text) || text.Length > MaxOctets)
        {
            return false;
        }

        var name = text;
        if (!System.Text.Ascii.IsValid(text) || text.Contains("xn--", StringComparison.OrdinalIgnoreCase))
        {
            try
            {
                // Both directions, so that an A-label that decodes to nothing valid is refused (RFC 5891 §5.4).
                var idn = new IdnMapping { UseStd3AsciiRules = !underscores };
                name = idn.GetAscii(idn.GetUnicode(text));
            }
            catch (ArgumentException)
            {
                return false;
            }
        }

        name = name.ToLowerInvariant();
        if (name.Length > MaxOctets || name.AsSpan().ContainsAnyExcept(underscores ? WithUnderscore : LetterDigitHyphenDot))
        {
            return false;
        }

        foreach (var range in name.AsSpan().Split('.'))
        {
            // RFC 1035 §2.3.1 and RFC 5321 §4.1.2: 1 to 63 octets, no hyphen at either end.
            var label = name.AsSpan()[range];
            if (label.Length is 0 or > 63 || label[0] == '-' || label[^1] == '-')
            {
                return false;
            }
        }

        domain = name;
        return true;
    }

    /// <summary>The U-label form, for people.</summary>
    public static string ToUnicode(string domain)
    {
        try
        {
            return new IdnMapping().GetUnicode(domain);
        }
        catch (ArgumentException)
        {
            return domain;
        }
    }
}
