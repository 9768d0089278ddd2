using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace MailFunctions.Local.Admin.Views;

/// <summary>Values for people: times of this machine, sizes with their unit, and nothing that a terminal would obey.</summary>
internal static partial class AdminText
{
    private static readonly string[] Units = ["B", "kB", "MB", "GB", "TB", "PB"];

    public static string Of(JsonNode? value)
    {
        var text = value switch
        {
            null => "",
            JsonArray items => string.Join(' ', items.Select(Of)),
            JsonObject inner => string.Join(' ', inner.Select(p => $"{p.Key}={Of(p.Value)}")),
            JsonValue v when v.TryGetValue<bool>(out var flag) => flag ? "yes" : "no",
            _ => value.ToString(),
        };
        return Time().IsMatch(text)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? at.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
            : Clean(text);
    }

    /// <summary>Of a field of an object that may not be there.</summary>
    public static string Of(JsonNode? owner, string field) => Of((owner as JsonObject)?[field]);

    public static long Number(JsonNode? owner, string field) =>
        (owner as JsonObject)?[field] is JsonValue v && v.TryGetValue<long>(out var number) ? number : 0;

    /// <summary>`1.2 GB`.</summary>
    public static string Octets(long octets)
    {
        var (amount, unit) = ((double)octets, 0);
        for (; amount >= 1000 && unit < Units.Length - 1; unit++)
        {
            amount /= 1000;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{(unit == 0 ? octets : Math.Round(amount, 1))} {Units[unit]}");
    }

    /// <summary>The line that leads to the next page; empty at the last one.</summary>
    public static string More(JsonNode? list) =>
        Of(list, "continuation") is { Length: > 0 } more ? $"There is more: --continuation {more}\n" : "";

    // Mail's own text may hold what a terminal would obey, or what turns the order of a line's characters.
    private static string Clean(string text) =>
        string.Concat(text.Select(c => char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? ' ' : c));

    [GeneratedRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", RegexOptions.CultureInvariant)]
    private static partial Regex Time();
}
