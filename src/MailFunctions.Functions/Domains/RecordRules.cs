namespace MailFunctions.Functions.Domains;

/// <summary>Whether what DNS has serves the purpose of what we want published: other words for the same are right too.</summary>
internal static class RecordRules
{
    public const string Ok = "ok";
    public const string Missing = "missing";
    public const string Differs = "differs";

    /// <summary>DNS gave no answer.</summary>
    public const string Unknown = "unknown";

    /// <summary>Of several kinds of TXT at one name, the one that is meant.</summary>
    public static bool IsOfItsKind(DnsRecord wanted, string found) =>
        wanted.Type != "TXT" || IsDkim(wanted) || found.StartsWith(Version(wanted), StringComparison.OrdinalIgnoreCase);

    /// <param name="found">Those of its kind.</param>
    public static string Compare(DnsRecord wanted, IReadOnlyList<string> found) => found.Count == 0 ? Missing
        : Serves(wanted, found) ? Ok
        : Differs;

    private static bool Serves(DnsRecord wanted, IReadOnlyList<string> found) => wanted.Type switch
    {
        "MX" or "SRV" => found.Any(f => Target(f).Equals(Target(wanted.Value), StringComparison.OrdinalIgnoreCase)),
        _ when IsDkim(wanted) => found.Count == 1 && SameKey(wanted.Value, found[0]),
        // RFC 7208 §4.5, RFC 7489 §6.6.3, RFC 8461 §3.1, RFC 8460 §3: several are as good as none.
        _ when found.Count > 1 => false,
        _ when wanted.Value.StartsWith("v=spf1", StringComparison.Ordinal) =>
            found[0].Split(' ').Any(t => t.TrimStart('+').Equals("mx", StringComparison.OrdinalIgnoreCase)),
        _ when wanted.Value.StartsWith("v=DMARC1", StringComparison.Ordinal) => Tag(found[0], "p") is "none" or "quarantine" or "reject",
        _ when wanted.Value.StartsWith("v=STSv1", StringComparison.Ordinal) => Tag(found[0], "id") is { Length: > 0 },
        _ => Tag(found[0], "rua") is { Length: > 0 },
    };

    private static bool IsDkim(DnsRecord record) => record.Name.Contains("._domainkey.", StringComparison.Ordinal);

    private static string Version(DnsRecord wanted) => wanted.Value.Split(' ', ';')[0];

    /// <summary>`10 mail.example.test.` leads to `mail.example.test`; of SRV the port counts too, of neither its weight.</summary>
    private static string Target(string value) => value.Split(' ') switch
    {
        [.., var port, var host] when value.Count(c => c == ' ') == 3 => $"{port} {host.TrimEnd('.')}",
        [.., var host] => host.TrimEnd('.'),
        _ => value,
    };

    // RFC 6376 §3.6.1: k= is rsa when it is left out; white space within p= means nothing.
    private static bool SameKey(string wanted, string found) =>
        (Tag(found, "v") ?? "DKIM1") == "DKIM1"
        && (Tag(found, "k") ?? "rsa") == Tag(wanted, "k")
        && string.Concat((Tag(found, "p") ?? "").Where(c => !char.IsWhiteSpace(c))) == Tag(wanted, "p");

    /// <summary>A tag of a tag list (RFC 6376 §3.2); null when it is not there.</summary>
    private static string? Tag(string list, string name) => list.Split(';')
        .Select(t => t.Split('=', 2, StringSplitOptions.TrimEntries))
        .FirstOrDefault(t => t is [var key, _] && key.Equals(name, StringComparison.OrdinalIgnoreCase))?[1];
}
