using System.Globalization;

namespace MailFunctions.Core.Relay;

/// <summary>A domain's policy for hosts that send mail to it (RFC 8461 §3.2).</summary>
/// <param name="Id">Of the TXT record that announced it.</param>
/// <param name="Mode">`enforce`, `testing` or `none`.</param>
/// <param name="Mx">Names of mail exchanges in A-labels; a first label `*` stands for any one.</param>
/// <param name="Expires">Until then it applies, without asking DNS.</param>
public sealed record StsPolicy(string Domain, string Id, string Mode, IReadOnlyList<string> Mx, DateTimeOffset Expires)
{
    public const string Enforce = "enforce";
    public const string Testing = "testing";
    public const string None = "none";

    /// <summary>Octets of a policy that are read (RFC 8461 §3.3).</summary>
    public const int MaxOctets = 64 * 1024;

    private const int MaxMx = 200;
    private const long MaxAgeSeconds = 31_557_600;

    /// <summary>RFC 8461 §4.1: the host is one of those that the policy names.</summary>
    public bool Names(string host) => Mx.Any(m => m.StartsWith("*.", StringComparison.Ordinal)
        ? host.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot
            && host.AsSpan(dot).Equals(m.AsSpan(1), StringComparison.OrdinalIgnoreCase)
        : host.Equals(m, StringComparison.OrdinalIgnoreCase));

    /// <summary>Null when the text is no policy (RFC 8461 §3.2): unknown keys are skipped; of duplicates the first counts.</summary>
    public static StsPolicy? Parse(string domain, string id, string text, DateTimeOffset now)
    {
        var fields = text.Split('\n')
            .Select(l => l.TrimEnd('\r').Split(':', 2))
            .Where(f => f.Length == 2)
            .Select(f => (Key: f[0].Trim(), Value: f[1].Trim()))
            .ToList();
        string? First(string key) => fields.FirstOrDefault(f => f.Key == key).Value;
        List<string> mx = [.. fields.Where(f => f.Key == "mx").Select(f => f.Value.TrimEnd('.').ToLowerInvariant()).Take(MaxMx)];
        var mode = First("mode");
        return First("version") == "STSv1"
            && mode is Enforce or Testing or None
            && (mx.Count > 0 || mode == None)
            && long.TryParse(First("max_age"), NumberStyles.None, CultureInfo.InvariantCulture, out var age)
            ? new StsPolicy(domain, id, mode, mx, now.AddSeconds(Math.Min(age, MaxAgeSeconds)))
            : null;
    }
}

/// <summary>The policies in the table `tls`. Methods throw <see cref="Messages.StoreUnavailableException"/>.</summary>
public interface IStsPolicyStore
{
    /// <summary>Null when there is none that still counts.</summary>
    Task<StsPolicy?> FindAsync(string domain, DateTimeOffset now, CancellationToken cancellationToken);

    Task PutAsync(StsPolicy policy, CancellationToken cancellationToken);
}
