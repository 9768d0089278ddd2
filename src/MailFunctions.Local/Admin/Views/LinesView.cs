using System.Text.Json;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin.Views;

/// <summary>`accounts import-csv`: how many accounts were made, and each line that was refused. A line is in memory at a time.</summary>
internal sealed class LinesView(TextWriter output, TextWriter errors, bool asJson)
{
    /// <summary>0, or 1 when a line was refused.</summary>
    public async Task<int> WriteAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var counts = new Dictionary<string, long> { ["created"] = 0, ["exists"] = 0, ["refused"] = 0 };
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken));
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (asJson)
            {
                await output.WriteLineAsync(line);
            }

            JsonNode? one;
            try
            {
                one = JsonNode.Parse(line);
            }
            catch (JsonException)
            {
                await errors.WriteLineAsync("The answer was cut off; do it again: accounts that are there stay as they are.");
                return 1;
            }

            var result = AdminText.Of(one, "result");
            counts[result] = counts.GetValueOrDefault(result) + 1;
            if (result == "refused" && !asJson)
            {
                await errors.WriteLineAsync(Refused(one));
            }
        }

        if (!asJson)
        {
            await output.WriteLineAsync(
                $"{counts["created"]} made, {counts["exists"]} were there before and stay as they are, {counts["refused"]} refused.");
        }

        return counts["refused"] > 0 ? 1 : 0;
    }

    private static string Refused(JsonNode? line)
    {
        var faults = (line?["errors"] as JsonObject ?? []).Select(e => $"{e.Key}: {AdminText.Of(e.Value)}");
        var address = AdminText.Of(line, "address");
        return $"line {AdminText.Of(line, "line")}{(address.Length > 0 ? " " + address : "")}: {string.Join("; ", faults)}";
    }
}
