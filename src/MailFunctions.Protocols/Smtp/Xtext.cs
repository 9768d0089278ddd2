using System.Globalization;
using System.Text;

namespace MailFunctions.Protocols.Smtp;

/// <summary>xtext (RFC 3461 §4).</summary>
internal static class Xtext
{
    /// <summary>The decoded text, or null when it is no xtext or decodes to something that is not printable ASCII.</summary>
    public static string? Decode(string text)
    {
        var decoded = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '+')
            {
                if (i + 2 >= text.Length
                    || !byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
                {
                    return null;
                }

                c = (char)octet;
                i += 2;
            }
            else if (c is < '!' or > '~' or '=')
            {
                return null;
            }

            if (c is < ' ' or > '~')
            {
                return null;
            }

            decoded.Append(c);
        }

        return decoded.ToString();
    }
}
