using System.Buffers.Text;
using System.Globalization;
using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Stats;

/// <summary>What TLS with the hosts of one domain came to on one day, under one policy.</summary>
/// <param name="Policy">`tlsa`, `sts` or `no-policy-found` (RFC 8460 §4.4).</param>
/// <param name="Failures">Sessions by result type (RFC 8460 §4.3).</param>
internal sealed record TlsStatsAnswer(DateOnly Day, string Domain, string Policy, long Successful, long Failed, IReadOnlyDictionary<string, long> Failures);

/// <summary>`GET /api/stats/tls`: the counters that a TLS report is made of (RFC 8460), summed over processes.</summary>
internal static class TlsStatsRoutes
{
    private const string DayFormat = "yyyyMMdd";

    public static void MapTlsStats(this IEndpointRouteBuilder routes) => routes.MapGet("/api/stats/tls", GetAsync).WithTags("Stats")
        .Produces<ListAnswer<TlsStatsAnswer>>().ProducesValidationProblem()
        .WithSummary("Gives what TLS with other servers came to, by day, domain and policy");

    private static async Task<IResult> GetAsync(HttpRequest request, ITlsCountStore store, TimeProvider time, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadPage(request, out var top, out var continuation) is { } fault)
        {
            return fault;
        }

        var faults = new Faults();
        var to = ApiRequests.ReadTime(request, "to", time.GetUtcNow(), faults);
        var from = ApiRequests.ReadTime(request, "from", to.AddDays(-6), faults);
        string? domain = null;
        if (request.Query["domain"] is [{ Length: > 0 } asked, ..] && !DomainName.TryNormalize(asked, out domain))
        {
            faults.Add("domain", "This is not a domain name.");
        }

        var (first, last) = (Day(from), Day(to));
        if (!faults.Any && (first > last || last.DayNumber - first.DayNumber > StatsRoutes.MaxDays))
        {
            faults.Add("from", $"Use a time before `to`, by {StatsRoutes.MaxDays} days at most.");
        }

        var after = continuation is null ? null : Read(continuation);
        if (continuation is not null && after is null)
        {
            return ApiRequests.MalformedContinuation();
        }

        if (faults.Any)
        {
            return ApiProblems.Invalid(faults);
        }

        var items = new List<TlsStatsAnswer>();
        await foreach (var count in store.ReadAsync(after?.Day ?? first, last, domain, after is null ? null : (after.Value.Domain, after.Value.Policy), cancellationToken))
        {
            if (items.Count == 0 || items[^1] is var open && (open.Day, open.Domain, open.Policy) != (count.Day, count.Domain, count.Policy))
            {
                if (items.Count == top)
                {
                    return TypedResults.Ok(new ListAnswer<TlsStatsAnswer>(items, Continuations.Write(request, Write(items[^1]))));
                }

                items.Add(new TlsStatsAnswer(count.Day, count.Domain, count.Policy, 0, 0, new SortedDictionary<string, long>()));
            }

            items[^1] = Add(items[^1], count);
        }

        return TypedResults.Ok(new ListAnswer<TlsStatsAnswer>(items, null));
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
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{last.Day.ToString(DayFormat, CultureInfo.InvariantCulture)} {last.Policy} {last.Domain}")));

    private static (DateOnly Day, string Policy, string Domain)? Read(string continuation) =>
        Base64Url.IsValid(continuation) && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(continuation)).Split(' ', 3) is [var day, var policy, var domain]
            && DateOnly.TryParseExact(day, DayFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var parsed) && parsed.Year is > 2000 and < 9000
            ? (parsed, policy, domain) : null;
}
