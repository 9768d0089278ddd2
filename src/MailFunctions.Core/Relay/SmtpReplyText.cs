using System.Text.RegularExpressions;

namespace MailFunctions.Core.Relay;

/// <summary>A peer's reply in the forms that rows, traces and reports hold.</summary>
public static partial class SmtpReplyText
{
    private const int MaxText = 200;

    /// <summary>`550 5.1.1 No such user`, on one line, cut, printable.</summary>
    public static string Line(string text)
    {
        var line = string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        line = string.Concat(line.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
        return line.Length <= MaxText ? line : line[..MaxText];
    }

    /// <summary>The enhanced status code of the reply, or the plain one for its class (RFC 3463 §2, RFC 2034 §4).</summary>
    /// <param name="lines">The last one counts, as its code does, if it has one; else the one before.</param>
    public static string Status(int code, IReadOnlyList<string> lines)
    {
        var digit = code / 100;
        var status = lines.Reverse().Select(l => Enhanced().Match(l)).FirstOrDefault(m => m.Success && m.Value[0] - '0' == digit);
        return status?.Value ?? $"{(digit is 2 or 4 or 5 ? digit : 4)}.0.0";
    }

    /// <summary>The reply code that a line begins with; null for a text of our own.</summary>
    public static string? Code(string line) => ReplyCode().Match(line) is { Success: true } match ? match.Value : null;

    [GeneratedRegex(@"^[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")]
    private static partial Regex Enhanced();

    [GeneratedRegex(@"^[2-5][0-9]{2}(?= |$)")]
    private static partial Regex ReplyCode();
}
