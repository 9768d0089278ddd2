using System.Buffers;
using System.Globalization;
using System.Text;

namespace MailFunctions.Functions.Dkim;

/// <summary>One DKIM-Signature field (RFC 6376 §3.5), relaxed/relaxed.</summary>
internal static class DkimSignature
{
    private const int LineLength = 72;

    /// <summary>The field with its line break, to stand before the message.</summary>
    public static string Create(MessageDigest message, string domain, SigningKey key, DateTimeOffset at)
    {
        var (names, signed) = HeaderFields.Parse(message.Header).Canonicalize();
        var field = new StringBuilder(1024);
        field.Append(CultureInfo.InvariantCulture, $"DKIM-Signature: v=1; a={key.Algorithm}; c=relaxed/relaxed; d={domain};\r\n\t");
        field.Append(CultureInfo.InvariantCulture, $"s={key.Selector}; t={at.ToUnixTimeSeconds()};\r\n\t");
        AppendNames(field, names);
        field.Append(CultureInfo.InvariantCulture, $";\r\n\tbh={Convert.ToBase64String(message.BodyHash)};\r\n\tb=");

        // RFC 6376 §3.7: behind the signed fields comes this one, its value of b= still empty.
        var hashed = new ArrayBufferWriter<byte>(signed.Length + field.Length);
        hashed.Write(signed);
        HeaderFields.WriteRelaxed(Encoding.ASCII.GetBytes(field.ToString()), hashed);
        AppendFolded(field, Convert.ToBase64String(key.Sign(hashed.WrittenSpan.ToArray())));
        return field.Append("\r\n").ToString();
    }

    private static void AppendNames(StringBuilder field, IReadOnlyList<string> names)
    {
        field.Append("h=");
        var length = 2;
        for (var i = 0; i < names.Count; i++)
        {
            if (length + names[i].Length > LineLength)
            {
                field.Append("\r\n\t ");
                length = 0;
            }

            field.Append(names[i]).Append(i + 1 < names.Count ? ":" : "");
            length += names[i].Length + 1;
        }
    }

    private static void AppendFolded(StringBuilder field, string base64)
    {
        for (var i = 0; i < base64.Length; i += LineLength)
        {
            field.Append(i == 0 ? "" : "\r\n\t ").Append(base64.AsSpan(i, Math.Min(LineLength, base64.Length - i)));
        }
    }
}
