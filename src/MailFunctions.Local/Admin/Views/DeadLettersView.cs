using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin.Views;

/// <summary>`dead-letters list`: each with its reason whole.</summary>
internal static class DeadLettersView
{
    public static string Write(JsonNode? answer)
    {
        var text = new StringBuilder();
        foreach (var letter in answer?["items"] as JsonArray ?? [])
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{AdminText.Of(letter, "sequence")}  {AdminText.Of(letter, "reason")}, {AdminText.Of(letter, "deliveryCount")} deliveries")
                .Append(CultureInfo.InvariantCulture, $", enqueued {AdminText.Of(letter, "enqueuedAt")}\n");
            text.Append(CultureInfo.InvariantCulture, $"    {AdminText.Of(letter, "description")}\n");
            if (letter?["recipients"] is JsonArray recipients)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"    message {AdminText.Of(letter, "messageId")} from <{AdminText.Of(letter, "mailFrom")}> to ")
                    .AppendJoin(' ', recipients.Select(r => $"<{AdminText.Of(r)}>")).Append('\n');
            }
        }

        return (text.Length == 0 ? "(none)\n" : text.ToString()) + AdminText.More(answer);
    }
}
