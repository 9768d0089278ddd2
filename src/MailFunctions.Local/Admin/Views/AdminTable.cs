using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin.Views;

/// <summary>Any answer for people: lists as tables, single things as names and values.</summary>
internal static class AdminTable
{
    private const int WidestCell = 60;

    public static string Write(JsonNode? answer)
    {
        var text = new StringBuilder();
        switch (answer)
        {
            case JsonObject list when list["items"] is JsonArray items:
                text.Append(WriteRows(items)).Append(AdminText.More(list));
                break;
            case JsonObject one:
                WriteFields(one, "", text);
                break;
            default:
                text.Append(AdminText.Of(answer));
                break;
        }

        return text.ToString();
    }

    private static string WriteRows(JsonArray items, string indent = "")
    {
        if (items.Count == 0)
        {
            return indent + "(none)\n";
        }

        var columns = items.OfType<JsonObject>().SelectMany(i => i.Select(p => p.Key)).Distinct().ToList();
        return TextTable.Write(columns, [.. items.OfType<JsonObject>().Select(i => columns.ConvertAll(c => Cell(c, i[c])))], indent);
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
                    text.Append(CultureInfo.InvariantCulture, $"{indent}{name.PadRight(width)}  {Value(name, value)}\n");
                    break;
            }
        }
    }

    /// <summary>As a table where all fits; else one below the other, since what belongs to a single thing is not cut.</summary>
    private static void WriteItems(JsonArray items, string indent, StringBuilder text)
    {
        if (items.OfType<JsonObject>().All(i => i.All(p => AdminText.Of(p.Value).Length <= WidestCell)))
        {
            text.Append(WriteRows(items, indent + "  "));
            return;
        }

        foreach (var item in items.OfType<JsonObject>())
        {
            WriteFields(item, indent + "  ", text);
            text.Append('\n');
        }
    }

    private static string Cell(string name, JsonNode? value)
    {
        var text = Value(name, value);
        return text.Length > WidestCell ? text[..(WidestCell - 1)] + "…" : text;
    }

    private static string Value(string name, JsonNode? value) =>
        name is "size" or "bytes" or "quotaBytes" && value is JsonValue v && v.TryGetValue<long>(out var octets)
            ? AdminText.Octets(octets)
            : AdminText.Of(value);
}
