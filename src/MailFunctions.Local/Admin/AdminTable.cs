using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin;

/// <summary>Answers for people: lists as tables, single things as names and values.</summary>
internal static class AdminTable
{
    private const int WidestCell = 60;

    public static string Write(JsonNode? answer)
    {
        var text = new StringBuilder();
        switch (answer)
        {
            case JsonObject list when list["items"] is JsonArray items:
                WriteRows(items, text);
                if (list["continuation"]?.ToString() is { Length: > 0 } more)
                {
                    text.Append(CultureInfo.InvariantCulture, $"There is more: --continuation '{more}'\n");
                }

                break;
            case JsonObject one:
                WriteFields(one, "", text);
                break;
            default:
                text.Append(answer?.ToString());
                break;
        }

        return text.ToString();
    }

    private static void WriteRows(JsonArray items, StringBuilder text)
    {
        var columns = items.OfType<JsonObject>().SelectMany(i => i.Select(p => p.Key)).Distinct().ToList();
        var rows = new List<List<string>> { columns };
        rows.AddRange(items.OfType<JsonObject>().Select(i => columns.ConvertAll(c => Cell(i[c]))));
        var widths = columns.Select((_, i) => rows.Max(r => r[i].Length)).ToList();
        foreach (var row in rows)
        {
            text.Append(string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd()).Append('\n');
        }

        text.Append(items.Count == 0 ? "(none)\n" : "");
    }

    private static void WriteFields(JsonObject one, string indent, StringBuilder text)
    {
        var width = one.Select(p => p.Key.Length).DefaultIfEmpty().Max();
        foreach (var (name, value) in one)
        {
            switch (value)
            {
                case JsonObject inner:
                    text.Append(CultureInfo.InvariantCulture, $"{indent}{name}:\n");
                    WriteFields(inner, indent + "  ", text);
                    break;
                case JsonArray items when items.Any(i => i is JsonObject):
                    text.Append(CultureInfo.InvariantCulture, $"{indent}{name}:\n");
                    WriteItems(items, indent, text);
                    break;
                default:
                    text.Append(CultureInfo.InvariantCulture, $"{indent}{name.PadRight(width)}  {Plain(value)}\n");
                    break;
            }
        }
    }

    private static string Cell(JsonNode? value) => Plain(value) is var text && text.Length > WidestCell ? text[..(WidestCell - 1)] + "…" : Plain(value);

    /// <summary>As a table where all fits; else one below the other, since what belongs to a single thing is not cut.</summary>
    private static void WriteItems(JsonArray items, string indent, StringBuilder text)
    {
        if (items.OfType<JsonObject>().All(i => i.All(p => Plain(p.Value).Length <= WidestCell)))
        {
            WriteRows(items, text);
            return;
        }

        foreach (var item in items.OfType<JsonObject>())
        {
            WriteFields(item, indent + "  ", text);
            text.Append('\n');
        }
    }

    // Mail's own text may hold what a terminal would obey.
    private static string Plain(JsonNode? value)
    {
        var text = value switch
        {
            null => "",
            JsonArray items => string.Join(' ', items.Select(i => i?.ToString())),
            JsonObject inner => string.Join(' ', inner.Select(p => $"{p.Key}={p.Value}")),
            _ => value.ToString(),
        };
        return string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
    }
}
