using System.Globalization;
using System.Text.Json.Nodes;

namespace MailFunctions.Local.Admin.Views;

/// <summary>`accounts list`: who there is, and how full the mailboxes are.</summary>
internal static class AccountsView
{
    private static readonly string[] Columns = ["address", "name", "enabled", "messages", "used", "quota", "full", "forwards to"];

    public static string Write(JsonNode? answer)
    {
        var items = answer?["items"] as JsonArray ?? [];
        return (items.Count == 0 ? "(none)\n" : TextTable.Write(Columns, [.. items.Select(Row)])) + AdminText.More(answer);
    }

    private static string[] Row(JsonNode? account)
    {
        var (mailbox, quota) = (account?["mailbox"], AdminText.Number(account, "quotaBytes"));
        var used = AdminText.Number(mailbox, "bytes");
        return
        [
            AdminText.Of(account, "address"),
            AdminText.Of(account, "displayName"),
            AdminText.Of(account, "enabled"),
            AdminText.Of(mailbox, "messages"),
            AdminText.Octets(used),
            quota == 0 ? "none" : AdminText.Octets(quota),
            quota == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * used / quota:0} %"),
            AdminText.Of(account, "forwardTo"),
        ];
    }
}
