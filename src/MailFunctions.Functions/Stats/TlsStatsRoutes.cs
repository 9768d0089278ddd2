using System.Buffers.Text;
using System.Globalization;
using System.Text;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Stats;

/// <summary>What TLS with the hosts of one domain came to on one day, under one policy.</summary>
/// <param name="Policy">`tlsa`, `sts` or `no-policy-found` (RFC 8460 §4.4).</param>
/// <param name="Failures">Sessions by result type (RFC 8460 §4.3).</param>
internal sealed record TlsStatsAnswer(
    DateOnly Day, string Domain, string Policy, long Successful, long Failed, IReadOnlyDictionary<string, long> Failures);

/// <summary>`GET /api/stats/tls`: the counters that a TLS report is made of (RFC 8460), summed over processes.</summary>
internal static class TlsStatsRoutes
{
    private const string DayFormat = "yyyyMMdd";

    public static void MapTlsStats(this IEndpointRouteBuilder routes) => routes.MapGet("/api/stats/tls", GetAsync).WithTags("Stats")
        .Produces<ListAnswer<TlsStatsAnswer>>().ProducesValidationProblem()
        .WithSummary("Gives what TLS with other servers came to, by day, domain and policy");

    private static async Task<IResult> GetAsync(
        [AsParameters] WindowQuery window, QueryDomain? domain, [AsParameters] PageQuery query, ITlsCountStore store, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (from, to) = window.Or(time.GetUtcNow(), TimeSpan.FromDays(6));
        var (first, last) = (Day(from), Day(to));
        if (first > last || last.DayNumber - first.DayNumber > StatsRoutes.MaxDays)
        {
            return WindowQuery.TooLong(StatsRoutes.MaxDays);
        }

        var after = query.Position is null ? null : Read(query.Position);
        if (query.Position is not null && after is null)
        {
            return ApiProblems.Invalid("continuation", Continuation.Malformed);
        }

        var items = new List<TlsStatsAnswer>();
        var position = after is { } at ? (at.Domain, at.Policy) : ((string, string)?)null;
        await foreach (var count in store.ReadAsync(after?.Day ?? first, last, domain?.Name, position, cancellationToken))
        {
            if (items.Count == 0 || (items[^1].Day, items[^1].Domain, items[^1].Policy) != (count.Day, count.Domain, count.Policy))
            {
                if (items.Count == query.Top)
                {
                    return TypedResults.Ok(query.Answer<TlsStatsAnswer>(items, Write(items[^1])));
                }

                items.Add(new TlsStatsAnswer(count.Day, count.Domain, count.Policy, 0, 0, new SortedDictionary<string, long>()));
            }

            items[^1] = Add(items[^1], count);
        }

        return TypedResults.Ok(query.Answer<TlsStatsAnswer>(items, null));
    }

    private static TlsStatsAnswer Add(TlsStatsAnswer answer, TlsCount count)
    {
        if (count.Result == TlsResultType.Success)
        {
            return answer with { Successful = answer.Successful + count.Sessions };
        }

        var failures = (SortedDictionary<string, long>)answer.Failures;
        failures[count.Result] = failures.GetValueOrDefault(count.Result) + count.Sessions;
        return answer with { Failed = answer.Failed + count.Sessions };
    }

    private static DateOnly Day(DateTimeOffset at) => DateOnly.FromDateTime(at.UtcDateTime);

    private static string Write(TlsStatsAnswer last) => Base64Url.EncodeToString(
        Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"{last.Day.ToString(DayFormat, CultureInfo.InvariantCulture)} {last.Policy} {last.Domain}")));

    private static (DateOnly Day, string Policy, string Domain)? Read(string continuation) =>
        Base64Url.IsValid(continuation)
            && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(continuation)).Split(' ', 3) is [var day, var policy, var domain]
            && DateOnly.TryParseExact(day, DayFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var parsed)
                && parsed.Year is > 2000 and < 9000
            ? (parsed, policy, domain) : null;
}
