using System.Net;
using System.Text.Json.Nodes;
using MailFunctions.Local.Admin.Views;

namespace MailFunctions.Local.Admin;

/// <summary>What the API refused, beginning with what is wrong: a line for each fault, by the option and the value.</summary>
internal static class AdminFaults
{
    /// <param name="name">The option and value of a field, or null.</param>
    public static string Write(HttpStatusCode status, JsonObject? problem, Func<string, string?> name)
    {
        var lines = new List<string>();
        foreach (var (field, faults) in problem?["errors"] as JsonObject ?? [])
        {
            lines.AddRange((faults as JsonArray ?? []).Select(f => $"{name(field) ?? field}: {AdminText.Of(f)}"));
        }

        if (lines.Count > 0)
        {
            return string.Join('\n', lines) + "\nNothing was changed.";
        }

        return problem?["detail"] is { } detail ? AdminText.Of(detail) : status switch
        {
            HttpStatusCode.Unauthorized => "The key is missing or wrong (401).",
            HttpStatusCode.NotFound => "There is no such operation at that address (404): is it a function app of MailFunctions?",
            _ => $"The API answered {(int)status}{(problem?["title"] is { } title ? ": " + AdminText.Of(title) : ".")}",
        };
    }
}
