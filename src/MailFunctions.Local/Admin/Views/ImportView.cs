using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin.Views;

/// <summary>`messages import`: what was taken, what the mailbox had before, and what was refused, by its line.</summary>
internal static class ImportView
{
    public static bool IsPartial(JsonNode? answer) => AdminText.Number(answer, "refused") > 0;

    public static string Write(JsonNode? answer)
    {
        var (imported, known) = (AdminText.Number(answer, "imported"), AdminText.Number(answer, "known"));
        var (skipped, refused) = (AdminText.Number(answer, "skipped"), AdminText.Number(answer, "refused"));
        var text = new StringBuilder($"{imported} imported, {skipped} skipped, {refused} refused.\n");
        if (known > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{known} of those imported the mailbox had before, so that it has them twice: ")
                .Append("--skip-known leaves such messages out.\n");
        }

        foreach (var fault in answer?["faults"] as JsonArray ?? [])
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"line {AdminText.Of(fault, "line")}, message {AdminText.Of(fault, "message")}: {AdminText.Of(fault, "fault")}\n");
        }

        return text.ToString();
    }
}
