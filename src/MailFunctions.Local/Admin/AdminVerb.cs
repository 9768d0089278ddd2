namespace MailFunctions.Local.Admin;

/// <summary>How a field of a body is written on the command line.</summary>
internal enum FieldKind
{
    Text,
    Number,
    Flag,

    /// <summary>Given once for each item.</summary>
    List,

    /// <summary>Text that `-` reads from standard input, so that it stands in no list of processes.</summary>
    Secret,
}

/// <summary>A field of the body, or a name of the query.</summary>
internal sealed record AdminField(string Name, string Description, FieldKind Kind = FieldKind.Text)
{
    /// <summary>`quotaBytes` is `--quota-bytes`.</summary>
    public string Option => "--" + string.Concat(Name.Select(c => char.IsAsciiLetterUpper(c) ? "-" + char.ToLowerInvariant(c) : c.ToString()));
}

/// <summary>One operation of the API as a command: `{resource} {verb} {arguments of the path}`.</summary>
internal sealed record AdminVerb(string Resource, string Verb, string Description, string Method, string Path)
{
    public IReadOnlyList<AdminField> Query { get; init; } = [];

    public IReadOnlyList<AdminField> Body { get; init; } = [];

    /// <summary>A body of this type is read from `--file`, or standard input.</summary>
    public string? FileType { get; init; }

    /// <summary>The answer goes to `--output`, or standard output, as it comes.</summary>
    public bool IsRaw { get; init; }

    /// <summary>The names between braces.</summary>
    public IEnumerable<string> Arguments => Path.Split('/').Where(p => p.StartsWith('{')).Select(p => p[1..^1]);
}

/// <summary>The operations of the admin API (design §3.5).</summary>
internal static class AdminVerbs
{
    private static readonly AdminField Domain = new("domain", "Of this domain only");
    private static readonly AdminField[] Page = [new("top", "How many at most", FieldKind.Number), new("continuation", "What the page before gave")];
    private static readonly AdminField[] Jobs = [new("domain", "To this domain"), new("state", "queued, held, telling or done")];
    private static readonly AdminField Report = new("report", "The sender gets a failure report", FieldKind.Flag);
    private static readonly AdminField Password = new("password", "12 to 256 characters; - reads it from standard input", FieldKind.Secret);
    private static readonly AdminField[] Window = [new("from", "Beginning, as 2026-01-31T12:00:00Z"), new("to", "End")];

    private static readonly AdminField[] Settings =
    [
        Password,
        new("displayName", "The name to show"),
        new("quotaBytes", "Octets; 0: no limit", FieldKind.Number),
        new("enabled", "Takes mail and logs in", FieldKind.Flag),
        new("forwardTo", "Where mail goes too", FieldKind.List),
        new("keepCopy", "Forwarded mail also stays", FieldKind.Flag),
    ];

    public static IReadOnlyList<AdminVerb> All { get; } =
    [
        new("domains", "list", "Lists the domains", "GET", "domains") { Query = Page },
        new("domains", "show", "Shows a domain and its DNS records", "GET", "domains/{domain}")
        {
            Query = [new("check", "Also asks DNS what it says now: true", FieldKind.Flag)],
        },
        new("domains", "set", "Makes a domain, or replaces its settings", "PUT", "domains/{domain}")
        {
            Body = [new("enabled", "Takes mail", FieldKind.Flag), new("postmaster", "Who gets postmaster@ and abuse@")],
        },
        new("domains", "delete", "Removes an empty domain", "DELETE", "domains/{domain}"),
        new("dkim", "rotate", "Makes new DKIM keys to publish", "POST", "domains/{domain}/dkim"),
        new("dkim", "activate", "Takes the new DKIM keys into use", "POST", "domains/{domain}/dkim/activate")
        {
            Query = [new("force", "Without asking DNS: true", FieldKind.Flag)],
        },
        new("dkim", "delete", "Removes a DKIM key that is not in use", "DELETE", "domains/{domain}/dkim/{selector}"),
        new("accounts", "list", "Lists accounts", "GET", "accounts") { Query = [Domain, .. Page] },
        new("accounts", "show", "Shows an account", "GET", "accounts/{address}"),
        new("accounts", "set", "Makes an account, or replaces its settings", "PUT", "accounts/{address}") { Body = Settings },
        new("accounts", "change", "Changes some settings", "PATCH", "accounts/{address}") { Body = Settings },
        new("accounts", "password", "Sets the password", "PUT", "accounts/{address}/password") { Body = [Password] },
        new("accounts", "delete", "Removes an account", "DELETE", "accounts/{address}"),
        new("accounts", "import-csv", "Makes many accounts, from CSV", "POST", "accounts/import") { FileType = "text/csv", IsRaw = true },
        new("accounts", "import-json", "Makes many accounts, from JSON lines", "POST", "accounts/import") { FileType = "application/x-ndjson", IsRaw = true },
        new("app-passwords", "list", "Lists app passwords", "GET", "accounts/{address}/app-passwords"),
        new("app-passwords", "make", "Makes an app password and shows it once", "POST", "accounts/{address}/app-passwords") { Body = [new("label", "What it is for")] },
        new("app-passwords", "revoke", "Revokes an app password", "DELETE", "accounts/{address}/app-passwords/{id}"),
        new("messages", "list", "Lists messages, newest first", "GET", "accounts/{address}/messages")
        {
            Query = [new("deleted", "Those that can be restored", FieldKind.Flag), .. Page],
        },
        new("messages", "show", "Gives a message raw", "GET", "accounts/{address}/messages/{uid}") { IsRaw = true },
        new("messages", "restore", "Puts a deleted message back", "POST", "accounts/{address}/messages/{uid}/restore"),
        new("messages", "export", "Gives all messages as mbox", "GET", "accounts/{address}/export") { IsRaw = true },
        new("messages", "import", "Puts an mbox file into the mailbox", "POST", "accounts/{address}/import") { FileType = "application/mbox" },
        new("messages", "import-one", "Puts a single message into the mailbox", "POST", "accounts/{address}/import") { FileType = "message/rfc822" },
        new("deleted-mailboxes", "list", "Lists what is kept of deleted accounts of an address", "GET", "accounts/{address}/deleted-mailboxes"),
        new("deleted-mailboxes", "restore", "Puts such mail into an account", "POST", "accounts/{address}/deleted-mailboxes/{id}/restore")
        {
            Query = [new("into", "Another account than the address's own"), new("continuation", "What the call before gave")],
        },
        new("aliases", "list", "Lists aliases", "GET", "aliases") { Query = [Domain, .. Page] },
        new("aliases", "show", "Shows an alias", "GET", "aliases/{address}"),
        new("aliases", "set", "Makes an alias, or replaces its targets", "PUT", "aliases/{address}") { Body = [new("targets", "Where mail goes", FieldKind.List)] },
        new("aliases", "delete", "Removes an alias", "DELETE", "aliases/{address}"),
        new("queues", "list", "Tells what waits", "GET", "queues"),
        new("dead-letters", "list", "Lists dead letters", "GET", "queues/{queue}/dead-letters") { Query = [new("reason", "Of this reason only"), .. Page] },
        new("dead-letters", "resubmit", "Puts one back into its queue", "POST", "queues/{queue}/dead-letters/{sequence}/resubmit"),
        new("dead-letters", "resubmit-all", "Puts those of a reason back", "POST", "queues/{queue}/dead-letters/resubmit") { Query = [new("reason", "The reason")] },
        new("jobs", "list", "Lists outbound jobs", "GET", "queues/outbound/jobs") { Query = [.. Jobs, .. Page] },
        new("jobs", "show", "Shows an outbound job", "GET", "queues/outbound/jobs/{id}"),
        new("jobs", "retry", "Tries one now", "POST", "queues/outbound/jobs/{id}/retry"),
        new("jobs", "hold", "Puts one aside", "POST", "queues/outbound/jobs/{id}/hold"),
        new("jobs", "release", "Lets one go on", "POST", "queues/outbound/jobs/{id}/release"),
        new("jobs", "cancel", "Takes one back", "POST", "queues/outbound/jobs/{id}/cancel") { Query = [Report] },
        new("jobs", "retry-all", "Tries those of a domain or state now", "POST", "queues/outbound/jobs/retry") { Query = [.. Jobs, .. Page] },
        new("jobs", "hold-all", "Puts those aside", "POST", "queues/outbound/jobs/hold") { Query = [.. Jobs, .. Page] },
        new("jobs", "release-all", "Lets those go on", "POST", "queues/outbound/jobs/release") { Query = [.. Jobs, .. Page] },
        new("jobs", "cancel-all", "Takes those back", "POST", "queues/outbound/jobs/cancel") { Query = [.. Jobs, Report, .. Page] },
        new("dead-letters", "delete-all", "Deletes those of a reason", "DELETE", "queues/{queue}/dead-letters") { Query = [new("reason", "The reason")] },
        new("dead-letters", "delete", "Deletes one", "DELETE", "queues/{queue}/dead-letters/{sequence}"),
        new("traces", "find", "Tells what became of mail", "GET", "traces")
        {
            Query = [new("id", "Of this message, by its id or Message-ID"), new("address", "From or to this address"), .. Window, .. Page],
        },
        new("stats", "show", "Shows what was counted", "GET", "stats") { Query = [new("bucket", "1m, 5m, 15m, 1h or 1d"), .. Window] },
        new("stats", "tls", "Shows what TLS with other servers came to, by day and domain", "GET", "stats/tls") { Query = [Domain, .. Window, .. Page] },
        new("health", "show", "Tells whether mail can flow", "GET", "health"),
    ];
}
