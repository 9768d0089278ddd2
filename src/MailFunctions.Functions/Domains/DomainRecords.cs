using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;

namespace MailFunctions.Functions.Domains;

/// <summary>What a domain has to publish.</summary>
internal static class DomainRecords
{
    /// <param name="host">The name that mail and clients come to.</param>
    public static IReadOnlyList<DnsRecord> Of(MailDomain domain, string host)
    {
        var name = domain.Name;
        return
        [
            new(name, "MX", $"10 {host}.", "Mail for the domain comes here (RFC 5321 §5.1)"),
            new(name, "TXT", "v=spf1 mx ~all", "Who may send as the domain (RFC 7208); behind a smarthost its include too"),
            .. domain.DkimKeys.Select(k => new DnsRecord(NameOf(k, name), "TXT", k.Record, Purpose(k))),
            new($"_dmarc.{name}", "TXT", $"v=DMARC1; p=none; rua=mailto:postmaster@{name}",
                "What others do with mail that fails the checks (RFC 7489)"),
            new($"_mta-sts.{name}", "TXT", $"v=STSv1; id={PolicyId(host)}",
                $"Others insist on TLS (RFC 8461), with a policy at https://mta-sts.{name}/.well-known/mta-sts.txt"),
            new($"_smtp._tls.{name}", "TXT", $"v=TLSRPTv1; rua=mailto:postmaster@{name}",
                "Where others report trouble with TLS (RFC 8460)"),
            new($"_submissions._tcp.{name}", "SRV", $"0 1 465 {host}.", "How clients find submission (RFC 8314 §5.1)"),
            new($"_pop3s._tcp.{name}", "SRV", $"0 1 995 {host}.", "How clients find POP3 (RFC 6186)"),
        ];
    }

    /// <summary>RFC 6376 §3.6.2.1.</summary>
    public static string NameOf(DkimKey key, string domain) => $"{key.Selector}._domainkey.{domain}";

    private static string Purpose(DkimKey key) => key.State switch
    {
        DkimState.Published => "The new key for signatures: publish it, then activate it (RFC 6376)",
        DkimState.Active => "The key by which others check our signatures (RFC 6376)",
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"The key before, for mail still under way: publish it until {key.RemoveAt:yyyy-MM-dd} (RFC 6376)"),
    };

    /// <summary>RFC 8461 §3.1: changes when the policy does.</summary>
    private static string PolicyId(string host) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Policy(host))).AsSpan(0, 8));

    /// <summary>
    /// The policy that `_mta-sts` points to: served by the postmaster at `https://mta-sts.{domain}/.well-known/mta-sts.txt`.
    /// </summary>
    private static string Policy(string host) => $"version: STSv1\nmode: testing\nmx: {host}\nmax_age: 604800\n";
}
