using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin.Views;

/// <summary>`traces find`: message by message, a line for each address that something happened to, with the detail whole.</summary>
internal static class TracesView
{
    public static string Write(JsonNode? answer)
    {
        var events = answer?["items"] as JsonArray ?? [];
        if (events.Count == 0)
        {
            return "(none)\n";
        }

        var text = new StringBuilder();
        foreach (var message in events.GroupBy(e => AdminText.Of(e, "messageId")))
        {
            var header = message.Select(e => AdminText.Of(e, "internetMessageId")).FirstOrDefault(m => m.Length > 0);
            text.Append(CultureInfo.InvariantCulture, $"{message.Key}{(header is null ? "" : $"  <{header}>")}\n");
            text.Append(Lines([.. message]));
        }

        return text + AdminText.More(answer);
    }

    private static string Lines(List<JsonNode?> events)
    {
        var width = events.Max(e => AdminText.Of(e, "kind").Length);
        var text = new StringBuilder();
        foreach (var one in events)
        {
            var addresses = (one?["addresses"] as JsonArray ?? []).Select(AdminText.Of).DefaultIfEmpty("");
            foreach (var address in addresses)
            {
                string[] parts = [AdminText.Of(one, "at"), AdminText.Of(one, "kind").PadRight(width), address, AdminText.Of(one, "detail")];
                text.Append("    ").AppendJoin("  ", parts.Where(p => p.Length > 0)).Append('\n');
            }
        }

        return text.ToString();
    }
}
