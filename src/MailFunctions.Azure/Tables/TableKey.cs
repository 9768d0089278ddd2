using System.Globalization;
using System.Text;

namespace MailFunctions.Azure.Tables;

/// <summary>
/// Text as a part of a partition or row key. Table storage forbids `/ \ # ?` and control characters, and some of its
/// front ends mishandle `%` and quotes: everything but plain characters becomes `=` and four hexadecimal digits.
/// </summary>
internal static class TableKey
{
    public static string Escape(string text)
    {
        if (text.All(IsPlain))
        {
            return text;
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

        return key.ToString();
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '+' or '@';
}
