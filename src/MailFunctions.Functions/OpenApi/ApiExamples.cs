using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace MailFunctions.Functions.OpenApi;

/// <summary>Descriptions and examples of the API's parameters and bodies.</summary>
internal static class ApiExamples
{
    private static readonly Dictionary<string, (string Description, JsonNode? Example, JsonSchemaType Type)> Parameters = new()
    {
        ["address"] = ("An address, percent-encoded in a path.", "alice@example.test", JsonSchemaType.String),
        ["domain"] = ("A domain name, in either form of an internationalized one.", "example.test", JsonSchemaType.String),
        ["id"] = ("The id that the API gave; of traces also a Message-ID.", "01990f3e-6f0a-7c11-9a55-3c5a0f0f9e21", JsonSchemaType.String),
        ["uid"] = ("The uid of a message in its mailbox.", "17", JsonSchemaType.String),
        ["selector"] = ("A DKIM selector of the domain.", "mf20260131r", JsonSchemaType.String),
        ["check"] = ("Also asks DNS what it says now.", true, JsonSchemaType.Boolean),
        ["force"] = ("Does it without asking DNS.", false, JsonSchemaType.Boolean),
        ["queue"] = ("The name of a queue.", "mail-inbound", JsonSchemaType.String),
        ["sequence"] = ("The sequence number of a dead letter.", "42", JsonSchemaType.String),
        ["top"] = ("How many at most, 1 to 1000.", 100, JsonSchemaType.Integer),
        ["continuation"] = ("What the page before gave; left out for the first.", null, JsonSchemaType.String),
        ["deleted"] = ("Those that were deleted and can be restored.", false, JsonSchemaType.Boolean),
        ["usage"] = ("Also gives how full each mailbox is.", true, JsonSchemaType.Boolean),
        ["stories"] = ("Of an address: also what became of the messages found, under the addresses of others.", true, JsonSchemaType.Boolean),
        ["skipKnown"] = ("Leaves out messages whose Message-ID and octets the mailbox has already.", true, JsonSchemaType.Boolean),
        ["into"] = ("The account that gets the mail; without it the one of the path.", "alice@example.test", JsonSchemaType.String),
        ["reason"] = ("The reason of a dead letter, as the list gives it.", "DeliveryFailed", JsonSchemaType.String),
        ["state"] = ("The state of outbound jobs: queued, held, telling or done.", "queued", JsonSchemaType.String),
        ["report"] = ("The sender gets a failure report.", false, JsonSchemaType.Boolean),
        ["bucket"] = ("The stretch of time that is summed: 1m, 5m, 15m, 1h or 1d.", "5m", JsonSchemaType.String),
        ["from"] = ("The beginning of the window, RFC 3339.", "2026-01-31T00:00:00Z", JsonSchemaType.String),
        ["to"] = ("The end of the window, RFC 3339.", "2026-01-31T12:00:00Z", JsonSchemaType.String),
    };

    private static readonly Dictionary<string, string> Bodies = new()
    {
        ["PUT /api/domains/{domain}"] = """{"enabled": true, "postmaster": "alice@example.test"}""",
        ["PATCH /api/domains/{domain}"] = """{"postmaster": "bob@example.test"}""",
        ["PUT /api/accounts/{address}"] = """{"password": "correct horse battery staple", "displayName": "Alice", "quotaBytes": 1000000000}""",
        ["PATCH /api/accounts/{address}"] = """{"enabled": false}""",
        ["PUT /api/accounts/{address}/password"] = """{"password": "correct horse battery staple"}""",
        ["POST /api/accounts/{address}/app-passwords"] = """{"label": "phone"}""",
        ["PUT /api/aliases/{address}"] = """{"targets": ["alice@example.test", "archive@elsewhere.test"]}""",
    };

    public static (string Description, JsonNode? Example) Parameter(string name) =>
        Parameters.TryGetValue(name, out var known) ? (known.Description, known.Example?.DeepClone()) : (name, null);

    public static JsonSchemaType TypeOf(string name) => Parameters[name].Type;

    public static string? Body(string method, string path) => Bodies.GetValueOrDefault($"{method} {path}");

    /// <summary>The query of an operation, which its handler reads by itself.</summary>
    public static IEnumerable<string> QueryOf(string method, string path) => (method, path) switch
    {
        ("GET", "/api/domains") => ["top", "continuation"],
        ("GET", "/api/domains/{domain}") => ["check"],
        ("POST", "/api/domains/{domain}/dkim/activate") => ["force"],
        ("GET", "/api/accounts") => ["domain", "usage", "top", "continuation"],
        ("GET", "/api/aliases") => ["domain", "top", "continuation"],
        ("GET", "/api/accounts/{address}/messages") => ["deleted", "top", "continuation"],
        ("POST", "/api/accounts/{address}/deleted-mailboxes/{id}/restore") => ["into", "top", "continuation"],
        ("POST", "/api/accounts/{address}/import") => ["skipKnown"],
        ("GET", "/api/queues/{queue}/dead-letters") => ["reason", "top", "continuation"],
        ("POST", "/api/queues/{queue}/dead-letters/resubmit") or ("DELETE", "/api/queues/{queue}/dead-letters") => ["reason"],
        ("GET", "/api/queues/outbound/jobs") => ["domain", "state", "top", "continuation"],
        ("POST", "/api/queues/outbound/jobs/{id}/cancel") => ["report"],
        ("POST", "/api/queues/outbound/jobs/cancel") => ["domain", "state", "report", "top", "continuation"],
        ("POST", "/api/queues/outbound/jobs/retry" or "/api/queues/outbound/jobs/hold" or "/api/queues/outbound/jobs/release") => ["domain", "state", "top", "continuation"],
        ("GET", "/api/traces") => ["id", "address", "stories", "from", "to", "top", "continuation"],
        ("GET", "/api/stats") => ["from", "to", "bucket"],
        ("GET", "/api/stats/tls") => ["domain", "from", "to", "top", "continuation"],
        _ => [],
    };

    public static bool IsConditional(string method, string path) =>
        (method is "PUT" or "PATCH" or "DELETE" || path.Contains("/dkim", StringComparison.Ordinal)) && path.Split('/')[2] is "domains" or "accounts" or "aliases";

    public static string TagDescription(string? tag) => tag switch
    {
        "Domains" => "The domains that mail is taken for.",
        "Accounts" => "Who has a mailbox, how they log in, and what is in it.",
        "Aliases" => "Other names for one or several addresses.",
        "Queues" => "What waits, and what was given up on.",
        "Traces" => "What became of a message.",
        "Stats" => "What was counted.",
        "Health" => "Whether mail can flow.",
        _ => "More.",
    };
}
