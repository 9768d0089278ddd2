using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace MailFunctions.Local.Admin;

/// <summary>Values as people write them, as the API takes them.</summary>
internal static partial class AdminValues
{
    private static readonly string[] Yes = ["yes", "true", "on", "1"];
    private static readonly string[] No = ["no", "false", "off", "0"];
    private static readonly string[] None = ["none", "never", "unlimited"];

    private static readonly string[] LocalForms =
        ["yyyy-MM-dd", "yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss"];

    private static readonly string[] ZonedForms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'"];

    /// <summary>A field of the body.</summary>
    /// <exception cref="AdminException">Names the option and the value.</exception>
    public static JsonNode? ToJson(AdminField field, IReadOnlyList<string> values, TextReader input) => field.Kind switch
    {
        FieldKind.List => new JsonArray([.. values.SelectMany(Split).Select(v => (JsonNode)v)]),
        FieldKind.Secret when values[^1] == "-" =>
            input.ReadLine() ?? throw new AdminException($"{field.Option} -: standard input is empty."),
        FieldKind.Flag => ToFlag(field, values[^1]),
        FieldKind.Number => ToNumber(field, values[^1]),
        FieldKind.Size => ToOctets(field, values[^1]),
        _ => values[^1],
    };

    /// <summary>A value of the query.</summary>
    /// <exception cref="AdminException">Names the option and the value.</exception>
    public static string ToQuery(AdminField field, IReadOnlyList<string> values, TimeProvider time) => field.Kind switch
    {
        FieldKind.Switch => ToFlag(field, values[^1]) ? "true" : "false",
        FieldKind.Time => ToTime(field, values[^1], time),
        _ => values[^1],
    };

    private static bool ToFlag(AdminField field, string value) =>
        Yes.Contains(value.ToLowerInvariant())
        || (No.Contains(value.ToLowerInvariant()) ? false : throw Wrong(field, value, "use yes or no."));

    private static long ToNumber(AdminField field, string value) =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : field.Nothing is not null && None.Contains(value.ToLowerInvariant()) ? 0
        : throw Wrong(field, value, "use a number.");

    private static long ToOctets(AdminField field, string value)
    {
        if (None.Contains(value.ToLowerInvariant()))
        {
            return 0;
        }

        if (Size().Match(value) is { Success: true } size
            && decimal.TryParse(
                size.Groups["number"].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            var thousand = size.Groups["binary"].Success ? 1024m : 1000m;
            for (var power = "BKMGT".IndexOf(char.ToUpperInvariant((size.Groups["unit"].Value + "B")[0])); power > 0; power--)
            {
                number *= thousand;
            }

            if (number is >= 0 and <= long.MaxValue && decimal.IsInteger(number))
            {
                return (long)number;
            }
        }

        throw Wrong(field, value, "use octets, or a size such as 500MB, 1GB or 1.5GiB.");
    }

    private static string ToTime(AdminField field, string value, TimeProvider time)
    {
        var now = time.GetUtcNow();
        if (Ago().Match(value) is { Success: true } ago)
        {
            var number = int.Parse(ago.Groups["number"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
            return Rfc3339(now - (number * ago.Groups["unit"].Value switch
            {
                "m" => TimeSpan.FromMinutes(1),
                "h" => TimeSpan.FromHours(1),
                _ => TimeSpan.FromDays(1),
            }));
        }

        // What has no zone is a time of this machine, as answers show them.
        if (DateTime.TryParseExact(value, LocalForms, CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
        {
            return Rfc3339(new DateTimeOffset(local, time.LocalTimeZone.GetUtcOffset(local)));
        }

        const DateTimeStyles Style = DateTimeStyles.AssumeUniversal;
        return DateTimeOffset.TryParseExact(value.ToUpperInvariant(), ZonedForms, CultureInfo.InvariantCulture, Style, out var at)
            ? Rfc3339(at)
            : throw Wrong(
                field, value, "use a time such as 2026-01-31, '2026-01-31 12:00' or 2026-01-31T12:00:00Z, or how long ago: 2h, 7d.");
    }

    private static string Rfc3339(DateTimeOffset at) =>
        at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    // RFC 5321 §4.1.2: within quotes a local part has commas of its own.
    private static IEnumerable<string> Split(string values) =>
        Item().Matches(values).Select(m => m.Value.Trim()).Where(v => v.Length > 0);

    private static AdminException Wrong(AdminField field, string value, string rule) => new($"{field.Option} '{value}': {rule}");

    [GeneratedRegex(
        """^\s*(?<number>[0-9]+(\.[0-9]+)?)\s*((?<unit>[KMGT])(?<binary>i)?)?B?\s*$""",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Size();

    [GeneratedRegex("^(?<number>[0-9]{1,5})(?<unit>[mhd])$", RegexOptions.CultureInvariant)]
    private static partial Regex Ago();

    [GeneratedRegex("""("(\\.|[^"\\])*"|[^,"])+""", RegexOptions.CultureInvariant)]
    private static partial Regex Item();
}
