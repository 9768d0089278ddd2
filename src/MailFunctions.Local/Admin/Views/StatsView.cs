using System.Globalization;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin.Views;

/// <summary>`stats show`: the flow of mail by stretch of time, then every counter with its total and rate, then the queues.</summary>
internal static class StatsView
{
    /// <summary>The columns of the flow: the counters of which each is the sum.</summary>
    private static readonly (string Name, string Prefix)[] Flow =
    [
        ("accepted", "mail.smtp.messages.accepted"),
        ("delivered", "mail.events{kind=delivered"),
        ("relayed", "mail.events{kind=relayed"),
        ("deferred", "mail.events{kind=deferred"),
        ("bounced", "mail.events{kind=bounced"),
        ("refused", "mail.smtp.commands.refused"),
        ("logins", "mail.logins"),
    ];

    public static string Write(JsonNode? answer)
    {
        var items = (answer?["items"] as JsonArray ?? []).Select(i => (Start: AdminText.Of(i, "start"), Counters: Counters(i))).ToList();
        if (items.Count == 0)
        {
            return "Nothing was counted.\n" + WriteQueues(answer);
        }

        var hours = Hours(answer!);
        var totals = Flow.Select(f => items.Sum(i => Sum(i.Counters, f.Prefix))).ToList();
        List<string[]> rows =
        [
            .. items.Select(i => (string[])[i.Start, .. Flow.Select(f => Text(Sum(i.Counters, f.Prefix)))]),
            ["total", .. totals.Select(Text)],
            ["an hour", .. totals.Select(t => Rate(t, hours))],
        ];
        var counters = items.SelectMany(i => i.Counters).GroupBy(c => c.Name, c => c.Value).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(c => (string[])[c.Key, Text(c.Sum()), Rate(c.Sum(), hours)]);
        return TextTable.Write(["beginning", .. Flow.Select(f => f.Name)], rows)
            + "\n" + TextTable.Write(["counter", "total", "an hour"], [.. counters])
            + "\n" + WriteQueues(answer);
    }

    /// <summary>What waits: of `stats show`, and the whole of `queues list`.</summary>
    public static string WriteQueues(JsonNode? answer)
    {
        var queues = answer?["queues"] as JsonArray ?? ListedQueues(answer);
        return queues is null
            ? "The queues can't be asked.\n"
            : TextTable.Write(
                ["queue", "waiting", "scheduled", "dead letters", "oldest"],
                [.. queues.Select(q => (string[])[
                    .. ((string[])["name", "active", "scheduled", "deadLettered"]).Select(f => AdminText.Of(q, f)), Age(q)])]);
    }

    private static JsonArray? ListedQueues(JsonNode? answer) =>
        answer?["items"] is JsonArray { Count: > 0 } items && items[0] is JsonObject first && first.ContainsKey("deadLettered")
            ? items
            : null;

    private static List<(string Name, long Value)> Counters(JsonNode? item) =>
        [.. (item?["counters"] as JsonObject ?? []).Select(c => (c.Key, c.Value?.GetValue<long>() ?? 0))];

    private static long Sum(List<(string Name, long Value)> counters, string prefix) =>
        counters.Where(c => c.Name.StartsWith(prefix, StringComparison.Ordinal)).Sum(c => c.Value);

    private static double Hours(JsonNode answer) =>
        Math.Max((answer["to"]!.GetValue<DateTimeOffset>() - answer["from"]!.GetValue<DateTimeOffset>()).TotalHours, 1.0 / 60);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Rate(long total, double hours) => (total / hours).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Age(JsonNode? queue) =>
        (queue as JsonObject)?["oldestAgeSeconds"] is JsonValue v && v.TryGetValue<double>(out var seconds)
        ? TimeSpan.FromSeconds(Math.Round(seconds)).ToString("c", CultureInfo.InvariantCulture)
        : "";
}
