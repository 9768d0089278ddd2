using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin.Views;

/// <summary>Outbound jobs: a line for each, and below it one for each recipient with the last reply whole.</summary>
internal static class JobsView
{
    public static string Write(JsonNode? answer)
    {
        if (answer?["items"] is not JsonArray items)
        {
            return WriteOne(answer);
        }

        return (items.Count == 0 ? "(none)\n" : string.Concat(items.Select(WriteOne))) + AdminText.More(answer);
    }

    private static string WriteOne(JsonNode? job)
    {
        var (next, state) = (AdminText.Of(job, "nextAttempt"), AdminText.Of(job, "state"));
        var underWay = AdminText.Of(job, "underWay") == "yes" ? ", under way" : "";
        var text = new StringBuilder($"{AdminText.Of(job, "id")}  {AdminText.Of(job, "domain")}  {state}{underWay}, ")
            .Append(CultureInfo.InvariantCulture, $"{AdminText.Of(job, "attempts")} attempts{(next.Length > 0 ? ", next " + next : "")}\n")
            .Append(CultureInfo.InvariantCulture, $"    message {AdminText.Of(job, "messageId")} from <{AdminText.Of(job, "sender")}>, ")
            .Append(
                CultureInfo.InvariantCulture,
                $"{AdminText.Octets(AdminText.Number(job, "size"))}, received {AdminText.Of(job, "receivedAt")}\n");
        var common = AdminText.Of(job, "lastReply");
        foreach (var recipient in job?["recipients"] as JsonArray ?? [])
        {
            var reply = AdminText.Of(recipient, "lastReply") is { Length: > 0 } own ? own : common;
            text.Append(
                CultureInfo.InvariantCulture, $"    <{AdminText.Of(recipient, "address")}>{(reply.Length > 0 ? "  " + reply : "")}\n");
        }

        return text.ToString();
    }
}
