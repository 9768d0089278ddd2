using System.Net;
using DnsClient;
using DnsClient.Protocol;
using MailFunctions.Core.Addresses;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Routing;

/// <summary>Mail exchanges by DNS.</summary>
internal sealed class DnsExchanges : IMailExchanges
{
    private readonly RelayOptions _options;
    private readonly Random _random;
    private readonly LookupClient _dns;

    public DnsExchanges(RelayOptions options, Random random)
    {
        (_options, _random) = (options, random);
        _dns = CreateClient(options);
    }

    /// <summary>A client of the relay's resolver, with a cache of its own.</summary>
    public static LookupClient CreateClient(RelayOptions options)
    {
        var lookup = options.Resolver is { } resolver ? new LookupClientOptions(resolver) : new LookupClientOptions();
        lookup.Timeout = options.ResolverTimeout;
        lookup.Retries = 1;
        lookup.UseCache = true;
        lookup.ThrowDnsErrors = false;
        lookup.ContinueOnDnsError = false;
        // RFC 6840 §5.8: with DO set the answer says whether it is authentic.
        lookup.RequestDnsSecRecords = options.Dnssec;
        return new LookupClient(lookup);
    }

    // RFC 5321 §5.1
    public async Task<Destination> FindAsync(string domain, CancellationToken cancellationToken)
    {
        if (domain.StartsWith('['))
        {
            return Literal(domain);
        }

        try
        {
            var answer = await _dns.QueryAsync(domain, QueryType.MX, cancellationToken: cancellationToken);
            return answer.Header.ResponseCode switch
            {
                DnsHeaderResponseCode.NoError =>
                    await OrderAsync(domain, [.. answer.Answers.MxRecords()], IsAuthentic(answer), cancellationToken),
                DnsHeaderResponseCode.NotExistentDomain => new Destination.Nowhere("5.1.2", $"the domain {domain} does not exist"),
                var code => new Destination.Unknown("4.4.3", $"DNS can't say where mail for {domain} goes ({code})"),
            };
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new Destination.Unknown("4.4.3", $"DNS can't say where mail for {domain} goes (no answer)");
        }
    }

    private async Task<Destination> OrderAsync(
        string domain, IReadOnlyList<MxRecord> records, bool authentic, CancellationToken cancellationToken)
    {
        if (records is [{ Exchange.Value: "." }])
        {
            return new Destination.Nowhere("5.1.10", $"{domain} takes no mail"); // RFC 7505 §3
        }

        // Without MX the domain is its own exchange. Equal preferences in random order.
        List<(string Host, int Preference)> exchanges = records.Count == 0
            ? [(domain, 0)]
            : [.. records.Select(r => (Name(r.Exchange), (int)r.Preference)).OrderBy(r => r.Item2).ThenBy(_ => _random.Next())];
        if (exchanges.FindIndex(e => e.Host.Equals(_options.HostName, StringComparison.OrdinalIgnoreCase)) is >= 0 and var ours)
        {
            // Exchanges of the same or a worse preference than ours would return the mail to us.
            var preference = exchanges[ours].Preference;
            exchanges.RemoveAll(e => e.Preference >= preference);
            if (exchanges.Count == 0)
            {
                return new Destination.Nowhere("5.4.6", $"mail for {domain} leads back to this server, which does not take it");
            }
        }

        var hosts = new List<RelayHost>();
        var (failed, inside) = (false, false);
        foreach (var (host, _) in exchanges)
        {
            if (hosts.Count >= _options.MaxHosts)
            {
                break;
            }

            var addresses = await HostAddresses.FindAsync(_dns, _options, host, cancellationToken);
            (failed, inside) = (failed || !addresses.IsKnown, inside || addresses.HasInside);
            if (addresses.Reachable.Count == 0)
            {
                continue;
            }

            // RFC 7672 §2.2.1: where MX or addresses are not authentic, TLSA records do not apply.
            var (known, dane) = authentic && addresses.IsAuthentic ? await FindTlsaAsync(host, domain, cancellationToken) : (true, null);
            hosts.AddRange(addresses.Reachable.Select(a => new RelayHost(host, _options.MxPort, RelayTls.Opportunistic, null, null)
            {
                Address = a,
                IsExchange = true,
                Dane = dane,
                IsDaneUnknown = !known,
            }));
        }

        return hosts.Count > 0 ? new Destination.Hosts(hosts)
            : failed ? new Destination.Unknown("4.4.3", $"DNS can't say where the mail exchanges of {domain} are")
            : inside ? new Destination.Unknown("4.4.4", $"the mail exchanges of {domain} have inside addresses, which are not connected to")
            : new Destination.Nowhere(
                "5.4.4", records.Count == 0 ? $"{domain} has neither MX nor address" : $"the mail exchanges of {domain} have no address");
    }

    /// <summary>The host's TLSA records, or none; unknown when the lookup fails, as an attacker may cause (RFC 7672 §2.1.2).</summary>
    private async Task<(bool Known, DaneRule? Rule)> FindTlsaAsync(string host, string domain, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await _dns.QueryAsync($"_{_options.MxPort}._tcp.{host}", QueryType.TLSA, cancellationToken: cancellationToken);
            var records = answer.Answers.OfType<TlsaRecord>()
                .Select(r => new TlsaAssociation(
                    (int)r.CertificateUsage, (int)r.Selector, (int)r.MatchingType, r.CertificateAssociationData))
                .ToList();
            return answer.Header.ResponseCode is DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain
                ? (true, records.Count > 0 && IsAuthentic(answer) ? new DaneRule(records, domain) : null)
                : (false, null);
        }
        catch (ArgumentException)
        {
            return (true, null); // the host's name is too long for a prefix
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return (false, null);
        }
    }

    private bool IsAuthentic(IDnsQueryResponse answer) => _options.Dnssec && answer.Header.IsAuthenticData;

    // RFC 5321 §4.1.3
    private Destination Literal(string literal)
    {
        var text = literal[1..^1];
        text = text.StartsWith("ipv6:", StringComparison.OrdinalIgnoreCase) ? text[5..] : text;
        if (!AddressLiteral.IsValid(literal) || !IPAddress.TryParse(text, out var address))
        {
            return new Destination.Nowhere("5.1.2", $"{literal} is no address to send to");
        }

        var host = new RelayHost(literal, _options.MxPort, RelayTls.Opportunistic, null, null)
        {
            Address = InsideAddresses.ToDial(address),
        };
        return _options.MayReach(address)
            ? new Destination.Hosts([host])
            : new Destination.Nowhere("5.4.4", $"{literal} is an inside address, which is not connected to");
    }

    private static string Name(DnsString name) => name.Value.TrimEnd('.');
}
