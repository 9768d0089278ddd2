using DnsClient;
using DnsClient.Protocol;
using MailFunctions.Functions.Outbound.Configuration;

namespace MailFunctions.Functions.Domains;

/// <summary>What DNS says now about the records of a domain, by the resolver that the relay uses.</summary>
internal sealed class DnsCheck
{
    /// <summary>For all records of a domain, which are asked for at once.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(12);

    /// <summary>Records of one name that are shown.</summary>
    private const int MaxFound = 10;

    private const int MaxText = 1024;

    private readonly LookupClient _dns;
    private readonly TimeProvider _time;

    public DnsCheck(RelayOptions options, TimeProvider time)
    {
        _time = time;
        var lookup = options.Resolver is { } resolver ? new LookupClientOptions(resolver) : new LookupClientOptions();
        lookup.Timeout = options.ResolverTimeout;
        lookup.Retries = 1;
        lookup.UseCache = false; // the postmaster has just published something
        lookup.ThrowDnsErrors = false;
        lookup.ContinueOnDnsError = false;
        _dns = new LookupClient(lookup);
    }

    /// <summary>The same records with <see cref="DnsRecord.Result"/> and <see cref="DnsRecord.Found"/>.</summary>
    public async Task<IReadOnlyList<DnsRecord>> CheckAsync(IReadOnlyList<DnsRecord> records, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        var checkedRecords = await Task.WhenAll(records.Select(r => CheckAsync(r, limited.Token)));
        cancellationToken.ThrowIfCancellationRequested();
        return checkedRecords;
    }

    private async Task<DnsRecord> CheckAsync(DnsRecord record, CancellationToken cancellationToken)
    {
        if (await AskAsync(record, cancellationToken) is not { } found)
        {
            return record with { Result = RecordRules.Unknown, Found = [] };
        }

        var ofItsKind = found.Where(f => RecordRules.IsOfItsKind(record, f)).ToList();
        return record with
        {
            Result = RecordRules.Compare(record, ofItsKind),
            Found = [.. ofItsKind.Take(MaxFound).Select(f => f.Length > MaxText ? f[..MaxText] : f)],
        };
    }

    /// <summary>The records of the name, as they are written in <see cref="DnsRecord.Value"/>; null when there is no answer.</summary>
    private async Task<IReadOnlyList<string>?> AskAsync(DnsRecord record, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await _dns.QueryAsync(record.Name, Enum.Parse<QueryType>(record.Type), cancellationToken: cancellationToken);
            return answer.Header.ResponseCode is DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain
                ? [.. answer.Answers.Select(Text).OfType<string>()]
                : null;
        }
        catch (Exception e) when (e is DnsResponseException or OperationCanceledException)
        {
            return null;
        }
    }

    private static string? Text(DnsResourceRecord record) => record switch
    {
        MxRecord mx => $"{mx.Preference} {mx.Exchange.Value}",
        TxtRecord txt => string.Concat(txt.Text), // RFC 7208 §3.3, RFC 6376 §3.6.2.2: strings are joined without a space
        SrvRecord srv => $"{srv.Priority} {srv.Weight} {srv.Port} {srv.Target.Value}",
        _ => null,
    };
}
