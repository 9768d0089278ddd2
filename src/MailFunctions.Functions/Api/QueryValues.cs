using System.Globalization;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Functions.Api;

/// <summary>
/// A value of the query, bound by its type. Binding never fails: a wrong value keeps its fault, which <see cref="QueryFilter"/> answers
/// under the parameter's name, so that no handler sees one. An empty value counts as left out.
/// </summary>
internal interface IQueryValue
{
    /// <summary>Null, or what is wrong with it.</summary>
    string? Fault(HttpRequest request);
}

/// <summary>`true` or `false`.</summary>
internal sealed record QueryFlag(bool Value, bool IsWrong) : IQueryValue
{
    public static bool TryParse(string? text, out QueryFlag flag)
    {
        var isBoolean = bool.TryParse(text, out var value);
        flag = new QueryFlag(value, !isBoolean && !string.IsNullOrEmpty(text));
        return true;
    }

    public string? Fault(HttpRequest request) => IsWrong ? "Use true or false." : null;
}

/// <summary>How many items a page has at most; null: not said, or out of bounds.</summary>
internal sealed record PageSize(int? Value, bool IsWrong) : IQueryValue
{
    public const int Default = 100;
    public const int Max = 1000;

    public static bool TryParse(string? text, out PageSize size)
    {
        int? value = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var top) && top is >= 1 and <= Max
            ? top
            : null;
        size = new PageSize(value, value is null && !string.IsNullOrEmpty(text));
        return true;
    }

    public string? Fault(HttpRequest request) => IsWrong ? $"Use a number from 1 to {Max}." : null;
}

/// <summary>A domain name, normalized; null: not said, or none.</summary>
internal sealed record QueryDomain(string? Name, bool IsWrong) : IQueryValue
{
    public static bool TryParse(string? text, out QueryDomain domain)
    {
        var isName = DomainName.TryNormalize(text ?? "", out var name);
        domain = new QueryDomain(isName ? name : null, !isName && !string.IsNullOrEmpty(text));
        return true;
    }

    public string? Fault(HttpRequest request) => IsWrong ? "This is not a domain name." : null;
}

/// <summary>A time of RFC 3339; without an offset it is UTC. Null: not said, or none.</summary>
internal sealed record QueryTime(DateTimeOffset? At, bool IsWrong) : IQueryValue
{
    // RFC 3339 §5.6, where a space may stand for the T; shorter forms mean the beginning of the day or the minute.
    private static readonly string[] Forms =
    [
        "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd' 'HH:mmK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFK",
    ];

    public static bool TryParse(string? text, out QueryTime time)
    {
        var given = (text ?? "").ToUpperInvariant();
        if (given.Length > 6 && given[^6] == ' ' && given.Contains('T'))
        {
            given = $"{given[..^6]}+{given[^5..]}"; // the plus sign of an offset that was not percent-encoded
        }

        const DateTimeStyles Style = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        var isTime = DateTimeOffset.TryParseExact(given, Forms, CultureInfo.InvariantCulture, Style, out var at)
            && at.Year is > 2000 and < 9000;
        time = new QueryTime(isTime ? at : null, !isTime && given.Length > 0);
        return true;
    }

    public string? Fault(HttpRequest request) => IsWrong ? "Use a time like 2026-01-31T12:00:00Z." : null;
}
