using MailFunctions.Local.Admin.Views;

namespace MailFunctions.Local.Admin;

/// <summary>The operations of the admin API (design §3.5).</summary>
internal static class AdminVerbs
{
    private static readonly AdminField Domain = new("domain", "Of this domain only");
    private static readonly AdminField[] Page =
        [new("top", "How many at most", FieldKind.Number), new("continuation", "What the page before gave")];
    private static readonly AdminField[] Jobs = [new("domain", "To this domain"), new("state", "queued, held, reporting or done")];
    private static readonly AdminField Report = new("report", "The sender gets a failure report", FieldKind.Switch);
    private static readonly AdminField Reason = new("reason", "The reason, as the list gives it");
    private static readonly AdminField SkipKnown =
        new("skipKnown", "Leaves out messages that the mailbox has, by Message-ID and octets", FieldKind.Switch);
    private static readonly AdminField Password = new("password", "12 to 256 characters; - reads it from standard input", FieldKind.Secret);

    private static readonly AdminField[] Window =
    [
        new("from", "Beginning: 2026-01-31, '2026-01-31 12:00', or 2h, 7d for so long ago", FieldKind.Time),
        new("to", "End", FieldKind.Time),
    ];

    private static readonly AdminField[] DomainSettings =
    [
        new("enabled", "Takes mail", FieldKind.Flag), new("postmaster", "Who gets postmaster@ and abuse@", Nothing: "\"\""),
    ];

    private static readonly AdminField[] AccountSettings =
    [
        Password,
        new("displayName", "The name to show", Nothing: "\"\""),
        new("quotaBytes", "How much the mailbox holds: 1GB, 500MB", FieldKind.Size, "quota", "0"),
        new("expireAfterDays", "Days after which a message that a client fetched goes", FieldKind.Number, Nothing: "0"),
        new("enabled", "Takes mail and logs in", FieldKind.Flag),
        new("forwardTo", "Where mail goes too", FieldKind.List, Nothing: "[]"),
        new("keepCopy", "Forwarded mail also stays", FieldKind.Flag),
        new("sendAs", "Addresses that it may send as besides its own and its aliases'", FieldKind.List, Nothing: "[]"),
    ];

    public static IReadOnlyList<AdminVerb> All { get; } =
    [
        new("domains", "list", "Lists the domains", "GET", "domains") { Query = Page },
        new("domains", "show", "Shows a domain and its DNS records", "GET", "domains/{domain}")
        {
            Query = [new("check", "Also asks DNS what it says now", FieldKind.Switch)],
        },
        new("domains", "set", "Makes a domain, or changes the settings that are named", "PATCH", "domains/{domain}")
        {
            Body = DomainSettings, IsUpsert = true,
        },
        new("domains", "replace", "Makes a domain, or replaces all its settings", "PUT", "domains/{domain}") { Body = DomainSettings },
        new("domains", "delete", "Removes an empty domain", "DELETE", "domains/{domain}"),
        new("dkim", "rotate", "Makes new DKIM keys to publish", "POST", "domains/{domain}/dkim"),
        new("dkim", "activate", "Takes the new DKIM keys into use", "POST", "domains/{domain}/dkim/activate")
        {
            Query = [new("force", "Without asking DNS", FieldKind.Switch)],
        },
        new("dkim", "delete", "Removes a DKIM key that is not in use", "DELETE", "domains/{domain}/dkim/{selector}"),
        new("accounts", "list", "Lists accounts and how full they are", "GET", "accounts")
        {
            Query = [Domain, .. Page], FixedQuery = "usage=true", View = AccountsView.Write,
        },
        new("accounts", "show", "Shows an account", "GET", "accounts/{address}"),
        new("accounts", "set", "Makes an account, or changes the settings that are named", "PATCH", "accounts/{address}")
        {
            Body = AccountSettings, IsUpsert = true,
        },
        new("accounts", "replace", "Makes an account, or replaces all its settings but the password", "PUT", "accounts/{address}")
        {
            Body = AccountSettings,
        },
        new("accounts", "password", "Sets the password", "PUT", "accounts/{address}/password") { Body = [Password] },
        new("accounts", "delete", "Removes an account", "DELETE", "accounts/{address}"),
        new("accounts", "import-csv", "Makes many accounts, from CSV", "POST", "accounts/import") { FileType = "text/csv", IsLines = true },
        new("accounts", "import-json", "Makes many accounts, from JSON lines", "POST", "accounts/import")
        {
            FileType = "application/x-ndjson", IsLines = true,
        },
        new("app-passwords", "list", "Lists app passwords", "GET", "accounts/{address}/app-passwords"),
        new("app-passwords", "make", "Makes an app password and shows it once", "POST", "accounts/{address}/app-passwords")
        {
            Body = [new("label", "What it is for")],
        },
        new("app-passwords", "revoke", "Revokes an app password", "DELETE", "accounts/{address}/app-passwords/{id}"),
        new("messages", "list", "Lists messages, newest first", "GET", "accounts/{address}/messages")
        {
            Query = [new("deleted", "Those that can be restored", FieldKind.Switch), .. Page],
        },
        new("messages", "show", "Gives a message raw", "GET", "accounts/{address}/messages/{uid}") { IsRaw = true },
        new("messages", "restore", "Puts a deleted message back", "POST", "accounts/{address}/messages/{uid}/restore"),
        new("messages", "export", "Gives all messages as mbox", "GET", "accounts/{address}/export") { IsRaw = true },
        new("messages", "import", "Puts an mbox file into the mailbox", "POST", "accounts/{address}/import")
        {
            Query = [SkipKnown], FileType = "application/mbox", View = ImportView.Write, IsPartial = ImportView.IsPartial,
        },
        new("messages", "import-one", "Puts a single message into the mailbox", "POST", "accounts/{address}/import")
        {
            Query = [SkipKnown], FileType = "message/rfc822", View = ImportView.Write, IsPartial = ImportView.IsPartial,
        },
        new(
            "deleted-mailboxes", "list", "Lists what is kept of deleted accounts of an address", "GET",
            "accounts/{address}/deleted-mailboxes"),
        new("deleted-mailboxes", "restore", "Puts such mail into an account", "POST", "accounts/{address}/deleted-mailboxes/{id}/restore")
        {
            Query = [new("into", "Another account than the address's own"), .. Page],
        },
        new("aliases", "list", "Lists aliases", "GET", "aliases") { Query = [Domain, .. Page] },
        new("aliases", "show", "Shows an alias", "GET", "aliases/{address}"),
        new("aliases", "set", "Makes an alias, or replaces its targets", "PUT", "aliases/{address}")
        {
            Body = [new("targets", "Where mail goes", FieldKind.List)],
        },
        new("aliases", "delete", "Removes an alias", "DELETE", "aliases/{address}"),
        new("queues", "list", "Shows what waits", "GET", "queues") { View = StatsView.WriteQueues },
        new("dead-letters", "list", "Lists dead letters", "GET", "queues/{queue}/dead-letters")
        {
            Query = [Reason, .. Page], View = DeadLettersView.Write,
        },
        new("dead-letters", "resubmit", "Puts one back into its queue", "POST", "queues/{queue}/dead-letters/{sequence}/resubmit"),
        new("dead-letters", "resubmit-all", "Puts those of a reason back", "POST", "queues/{queue}/dead-letters/resubmit")
        {
            Query = [Reason],
        },
        new("dead-letters", "delete", "Deletes one", "DELETE", "queues/{queue}/dead-letters/{sequence}"),
        new("dead-letters", "delete-all", "Deletes those of a reason", "DELETE", "queues/{queue}/dead-letters") { Query = [Reason] },
        new("jobs", "list", "Lists outbound jobs", "GET", "queues/outbound/jobs") { Query = [.. Jobs, .. Page], View = JobsView.Write },
        new("jobs", "show", "Shows an outbound job", "GET", "queues/outbound/jobs/{id}") { View = JobsView.Write },
        new("jobs", "retry", "Tries one now", "POST", "queues/outbound/jobs/{id}/retry") { View = JobsView.Write },
        new("jobs", "hold", "Holds one", "POST", "queues/outbound/jobs/{id}/hold") { View = JobsView.Write },
        new("jobs", "release", "Releases one", "POST", "queues/outbound/jobs/{id}/release") { View = JobsView.Write },
        new("jobs", "cancel", "Cancels one", "POST", "queues/outbound/jobs/{id}/cancel") { Query = [Report], View = JobsView.Write },
        new("jobs", "retry-all", "Tries those of a domain or state now", "POST", "queues/outbound/jobs/retry")
        {
            Query = [.. Jobs, .. Page],
        },
        new("jobs", "hold-all", "Holds those", "POST", "queues/outbound/jobs/hold") { Query = [.. Jobs, .. Page] },
        new("jobs", "release-all", "Releases those", "POST", "queues/outbound/jobs/release") { Query = [.. Jobs, .. Page] },
        new("jobs", "cancel-all", "Cancels those", "POST", "queues/outbound/jobs/cancel") { Query = [.. Jobs, Report, .. Page] },
        new("traces", "find", "Shows what became of mail", "GET", "traces")
        {
            Query = [new("id", "Of this message, by its id or Message-ID"), new("address", "From or to this address"), .. Window, .. Page],
            FixedQuery = "stories=true",
            View = TracesView.Write,
        },
        new("stats", "show", "Shows what was counted", "GET", "stats")
        {
            Query = [new("bucket", "1m, 5m, 15m, 1h or 1d"), .. Window], View = StatsView.Write,
        },
        new("stats", "tls", "Shows what TLS with other servers came to, by day and domain", "GET", "stats/tls")
        {
            Query = [Domain, .. Window, .. Page],
        },
        new("health", "show", "Shows whether mail can flow", "GET", "health"),
    ];
}
