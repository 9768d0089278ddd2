using System.Globalization;
using System.Text;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Functions.Dsn;

/// <summary>The value of ORCPT: `addr-type;xtext` (RFC 3461 §4.2).</summary>
internal static class OriginalRecipient
{
    private const string InternationalType = "utf-8;";

    /// <summary>For a recipient that the sender gave none for.</summary>
    public static string For(EmailAddress address) =>
        Ascii.IsValid(address.ToString())
            ? "rfc822;" + Encode(address.ToString())
            : InternationalType + Embed(address.ToString());

    /// <summary>The address as text; of an internationalized one as it stands, since that has no xtext (RFC 6533 §3).</summary>
    public static string Text(string orcpt)
    {
        var value = orcpt[(orcpt.IndexOf(';') + 1)..];
        return orcpt.StartsWith(InternationalType, StringComparison.OrdinalIgnoreCase) ? value : Decode(value);
    }

    /// <summary>An internationalized address in reports and ORCPT (RFC 6533 §3): three characters are written as code points.</summary>
    public static string Embed(string address) => Embed(address, c => c is '+' or '=' or '\\');

    /// <summary>Characters as `\x{code point}` (RFC 6533 §3).</summary>
    public static string Embed(string text, Func<char, bool> wanted)
    {
        var embedded = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (wanted((char)Math.Min(rune.Value, char.MaxValue)))
            {
                embedded.Append(CultureInfo.InvariantCulture, $"\\x{{{rune.Value:X2}}}");
            }
            else
            {
                embedded.Append(rune.ToString());
            }
        }

        return embedded.ToString();
    }

    /// <summary>xtext (RFC 3461 §4) as text.</summary>
    public static string Decode(string xtext)
    {
        var text = new StringBuilder();
        for (var i = 0; i < xtext.Length; i++)
        {
            if (xtext[i] == '+' && i + 2 < xtext.Length
                && byte.TryParse(xtext.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
            {
                text.Append((char)octet);
                i += 2;
            }
            else
            {
                text.Append(xtext[i]);
            }
        }

        return text.ToString();
    }

    private static string Encode(string text) => string.Concat(text.Select(
        c => c is > ' ' and <= '~' and not ('+' or '=') ? c.ToString() : string.Create(CultureInfo.InvariantCulture, $"+{(int)c:X2}")));
}
