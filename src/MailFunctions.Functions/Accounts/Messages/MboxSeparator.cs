using System.Globalization;
using System.Text;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// The line before each message of an mbox file: `From `, a sender, and a date as `asctime` writes it (RFC 4155, appendix A).
/// In use are also: no seconds, a zone before or behind the year, day and month the other way round, `remote from HOST`
/// behind the date (UUCP), and neither sender nor date (Thunderbird). A line that merely begins with `From ` is text.
/// </summary>
internal static class MboxSeparator
{
    private static readonly string[] Weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    private static readonly string[] Months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    /// <summary>RFC 5322 §4.3; other names say nothing, and count as UTC.</summary>
    private static readonly Dictionary<string, int> ZoneHours = new()
    {
        ["EDT"] = -4,
        ["EST"] = -5,
        ["CDT"] = -5,
        ["CST"] = -6,
        ["MDT"] = -6,
        ["MST"] = -7,
        ["PDT"] = -7,
        ["PST"] = -8,
    };

    /// <summary>Reads what follows `From ` on its line.</summary>
    /// <param name="date">When the message was received; null when the line does not say, or says what no calendar has.</param>
    public static bool TryParse(ReadOnlySpan<byte> rest, out DateTimeOffset? date)
    {
        date = null;
        var words = Encoding.Latin1.GetString(rest).Split((char[]?)[' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (words is [] or ["-"])
        {
            return true;
        }

        for (var i = 0; i < words.Length; i++)
        {
            if (Weekdays.Contains(words[i].TrimEnd(',')) && TryReadDate(words.AsSpan(i + 1), out date))
            {
                return true;
            }
        }

        return false;
    }

    // [Month Day | Day Month] [Year] Time [Zone] [Year] [Zone] ["remote" "from" Host]
    private static bool TryReadDate(ReadOnlySpan<string> words, out DateTimeOffset? date)
    {
        date = null;
        if (words.Length < 4 || (TakeMonth(words[0], words[1]) ?? TakeMonth(words[1], words[0])) is not { } monthDay)
        {
            return false;
        }

        words = words[2..];
        int? year = null;
        var zone = TimeSpan.Zero;
        if (!words[0].Contains(':', StringComparison.Ordinal) && !TakeYear(ref words, ref year))
        {
            return false;
        }

        if (words.IsEmpty
            || !TimeOnly.TryParseExact(words[0], ["H:mm:ss", "H:mm"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
        {
            return false;
        }

        words = words[1..];
        TakeZone(ref words, ref zone);
        if (year is null && !TakeYear(ref words, ref year))
        {
            return false;
        }

        TakeZone(ref words, ref zone);
        if (words is not [] and not ["remote", "from", _])
        {
            return false;
        }

        if (year is { } y && monthDay.Day <= DateTime.DaysInMonth(y, monthDay.Month))
        {
            date = new DateTimeOffset(new DateOnly(y, monthDay.Month, monthDay.Day), time, zone).ToUniversalTime();
        }

        return true;
    }

    private static (int Month, int Day)? TakeMonth(string month, string day) =>
        Array.IndexOf(Months, month) is >= 0 and var at && int.TryParse(day, NumberStyles.None, null, out var number)
            && number is >= 1 and <= 31
            ? (at + 1, number)
            : null;

    private static bool TakeYear(ref ReadOnlySpan<string> words, ref int? year)
    {
        if (words.IsEmpty || words[0].Length is not (2 or 4) || !int.TryParse(words[0], NumberStyles.None, null, out var number))
        {
            return false;
        }

        var isShort = words[0].Length == 2; // RFC 5322 §4.3 reads two digits so
        year = isShort ? number + (number < 50 ? 2000 : 1900) : number;
        words = words[1..];
        return year is >= 1950 and <= 9000;
    }

    private static void TakeZone(ref ReadOnlySpan<string> words, ref TimeSpan zone)
    {
        if (!words.IsEmpty && words[0] is ['+' or '-', _, _, _, _]
            && int.TryParse(words[0].AsSpan(1), NumberStyles.None, null, out var digits))
        {
            var offset = new TimeSpan(digits / 100, digits % 100, 0);
            zone = offset >= TimeSpan.FromHours(14) ? TimeSpan.Zero : words[0][0] == '-' ? -offset : offset;
            words = words[1..];
        }

        // `MET DST`, or the name beside the number as `(CET)`.
        for (var names = 0; names < 2 && !words.IsEmpty && IsZoneName(words[0].Trim('(', ')')); names++)
        {
            zone = ZoneHours.TryGetValue(words[0], out var hours) ? TimeSpan.FromHours(hours) : zone;
            words = words[1..];
        }
    }

    private static bool IsZoneName(string word) => word.Length is >= 1 and <= 5 && word.All(char.IsAsciiLetterUpper);
}
