using System.Text.Json.Nodes;

namespace MailFunctions.Functions.OpenApi;

/// <summary>
/// Descriptions and examples by the names of parameters and tags, which mean the same in every operation. A test holds both against
/// the routes.
/// </summary>
internal static class ApiExamples
{
    public static readonly IReadOnlyDictionary<string, (string Description, JsonNode? Example)> Parameters =
        new Dictionary<string, (string, JsonNode?)>
        {
            ["address"] = ("An address, percent-encoded in a path.", "alice@example.test"),
            ["domain"] = ("A domain name, in either form of an internationalized one.", "example.test"),
            ["id"] = ("The id that the API gave; of traces also a Message-ID.", "01990f3e-6f0a-7c11-9a55-3c5a0f0f9e21"),
            ["uid"] = ("The uid of a message in its mailbox.", "17"),
            ["selector"] = ("A DKIM selector of the domain.", "mf20260131r"),
            ["check"] = ("Also asks DNS what it says now.", true),
            ["force"] = ("Does it without asking DNS.", false),
            ["queue"] = ("The name of a queue.", "mail-inbound"),
            ["sequence"] = ("The sequence number of a dead letter.", "42"),
            ["top"] = ("How many at most, 1 to 1000.", 100),
            ["continuation"] = ("What the page before gave; left out for the first.", null),
            ["deleted"] = ("Those that were deleted and can be restored.", false),
            ["usage"] = ("Also gives how full each mailbox is.", true),
            ["stories"] = ("Of an address: also what became of the messages found, under the addresses of others.", true),
            ["skipKnown"] = ("Leaves out messages whose Message-ID and octets the mailbox has already.", true),
            ["into"] = ("The account that gets the mail; without it the one of the path.", "alice@example.test"),
            ["reason"] = ("The reason of a dead letter, as the list gives it.", "DeliveryFailed"),
            ["state"] = ("The state of outbound jobs: queued, held, reporting or done.", "queued"),
            ["report"] = ("The sender gets a failure report.", false),
            ["bucket"] = ("The stretch of time that is summed: 1m, 5m, 15m, 1h or 1d.", "5m"),
            ["from"] = ("The beginning of the window, RFC 3339.", "2026-01-31T00:00:00Z"),
            ["to"] = ("The end of the window, RFC 3339.", "2026-01-31T12:00:00Z"),
        };

    public static readonly IReadOnlyDictionary<string, string> Tags = new Dictionary<string, string>
    {
        ["Domains"] = "The domains that mail is taken for.",
        ["Accounts"] = "Who has a mailbox, how they log in, and what is in it.",
        ["Aliases"] = "Other names for one or several addresses.",
        ["Queues"] = "What waits, and what could not be processed.",
        ["Traces"] = "What became of a message.",
        ["Stats"] = "What was counted.",
        ["Health"] = "Whether mail can flow.",
    };
}
