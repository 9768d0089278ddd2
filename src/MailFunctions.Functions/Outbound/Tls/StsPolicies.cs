using DnsClient;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Routing;
using Microsoft.Extensions.Caching.Memory;

namespace MailFunctions.Functions.Outbound.Tls;

/// <summary>Finds the MTA-STS policy of a domain.</summary>
internal interface IStsPolicies
{
    /// <summary>Null when the domain has none.</summary>
    Task<StsPolicy?> FindAsync(string domain, CancellationToken cancellationToken);
}

/// <summary>
/// RFC 8461 §3 and §5.1: the TXT record's id shows whether the cached policy is current; a cached policy applies until it
/// expires, whatever DNS and the web server answer meanwhile.
/// </summary>
internal sealed class StsPolicies(
    RelayOptions options, StsFetcher fetcher, IStsPolicyStore store, ITlsResults results, TimeProvider time) : IStsPolicies, IDisposable
{
    /// <summary>A policy that can't be fetched is not asked for again before (RFC 8461 §3.3); nor is the table.</summary>
    public static readonly TimeSpan AskAgainAfter = TimeSpan.FromMinutes(5);

    private const int MaxKept = 10_000;

    private readonly LookupClient _dns = DnsExchanges.CreateClient(options);
    private readonly MemoryCache _kept = new(new MemoryCacheOptions { SizeLimit = MaxKept });

    public async Task<StsPolicy?> FindAsync(string domain, CancellationToken cancellationToken)
    {
        if (domain.StartsWith('['))
        {
            return null;
        }

        var now = time.GetUtcNow();
        var kept = await FindKeptAsync(domain, now, cancellationToken);
        if (await FindIdAsync(domain, cancellationToken) is not { } id
            || id == kept.Policy?.Id
            || (id == kept.FailedId && now - kept.At < AskAgainAfter))
        {
            return kept.Policy;
        }

        var text = await fetcher.FetchAsync(domain, cancellationToken);
        var policy = text is null ? null : StsPolicy.Parse(domain, id, text, now);
        if (policy is null)
        {
            results.Count(domain, TlsPolicyType.Sts, text is null ? TlsResultType.StsFetch : TlsResultType.StsInvalid);
            Keep(domain, new Kept(kept.Policy, id, now));
            return kept.Policy;
        }

        Keep(domain, new Kept(policy, null, now));
        try
        {
            await store.PutAsync(policy, cancellationToken);
        }
        catch (StoreUnavailableException)
        {
            // It stays in memory for a while and is fetched again later.
        }

        return policy;
    }

    /// <summary>From memory, or else from the table; without expired ones.</summary>
    private async Task<Kept> FindKeptAsync(string domain, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (_kept.TryGetValue(domain, out Kept? known) && (known!.Policy is not null || now - known.At < AskAgainAfter))
        {
            return known.Policy?.Expires <= now ? known with { Policy = null } : known;
        }

        var found = new Kept(await store.FindAsync(domain, now, cancellationToken), null, now);
        Keep(domain, found);
        return found;
    }

    private void Keep(string domain, Kept kept) => _kept.Set(domain, kept, new MemoryCacheEntryOptions { Size = 1 });

    /// <summary>RFC 8461 §3.1: null when there is no record, or more than one.</summary>
    private async Task<string?> FindIdAsync(string domain, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await _dns.QueryAsync("_mta-sts." + domain, QueryType.TXT, cancellationToken: cancellationToken);
            var records = answer.Answers.TxtRecords().Select(r => string.Concat(r.Text))
                .Where(t => t.StartsWith("v=STSv1;", StringComparison.Ordinal)).ToList();
            return records is [var record]
                && record.Split(';').Select(f => f.Trim())
                    .FirstOrDefault(f => f.StartsWith("id=", StringComparison.Ordinal)) is { Length: > 3 and <= 35 } id
                && id.AsSpan(3).ContainsAnyExceptInRange('0', 'z') is false ? id[3..] : null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return null; // no answer, or a domain too long for this prefix
        }
    }

    public void Dispose() => _kept.Dispose();

    /// <param name="FailedId">The policy of this id could not be fetched at <paramref name="At"/>.</param>
    private sealed record Kept(StsPolicy? Policy, string? FailedId, DateTimeOffset At);
}
