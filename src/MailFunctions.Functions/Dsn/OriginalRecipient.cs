using System.Globalization;
using System.Text;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Functions.Dsn;

/// <summary>The value of ORCPT: `addr-type;xtext` (RFC 3461 §4.2).</summary>
internal static class OriginalRecipient
{
    /// <summary>For a recipient that the sender gave none for.</summary>
    public static string For(EmailAddress address) =>
        (Ascii.IsValid(address.ToString()) ? "rfc822;" : "utf-8;") + Encode(address.ToString());

    /// <summary>xtext (RFC 3461 §4) as text.</summary>
    public static string Decode(string xtext)
    {
        var text = new StringBuilder();
        for (var i = 0; i < xtext.Length; i++)
        {
            if (xtext[i] == '+' && i + 2 < xtext.Length && byte.TryParse(xtext.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
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
        c => c is > ' ' and <= '~' and not ('+' or '=') || c > '~' ? c.ToString() : string.Create(CultureInfo.InvariantCulture, $"+{(int)c:X2}")));
}
