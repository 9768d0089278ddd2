using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace MailFunctions.Azure.Storage;

/// <summary>
/// Text as a part of a partition or row key. Table storage forbids `/ \ # ?` and control characters, and some of its
/// front ends mishandle `%` and quotes: everything but plain characters becomes `=` and four hexadecimal digits.
/// Two different texts never give the same key.
/// </summary>
internal static class TableKey
{
    /// <summary>A whole key is 1 KiB of UTF-16 at most; the rest is for what stands before and behind the text.</summary>
    public const int MaxLength = 400;

    public static string Escape(string text)
    {
        if (text.All(IsPlain))
        {
            return Bounded(text, text);
        }

        var key = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            if (IsPlain(c))
            {
                key.Append(c);
            }
            else
            {
                key.Append(CultureInfo.InvariantCulture, $"={(int)c:X4}");
            }
        }

        return Bounded(key.ToString(), text);
    }

    /// <summary>32 hexadecimal digits that stand for a text.</summary>
    public static string Digest(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));

    // A quoted local part of 64 quotation marks, canonical, is past the limit. `~` is in no other key.
    private static string Bounded(string key, string text) =>
        key.Length <= MaxLength ? key : string.Concat(key.AsSpan(0, MaxLength - 33), "~", Digest(text));

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '+' or '@';
}
