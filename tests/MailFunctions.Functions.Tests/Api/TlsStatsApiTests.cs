using System.Net;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Relay;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>The table `tls`, over Azurite, and the answer made of it.</summary>
public sealed class TlsStatsApiTests(TestedApi api)
{
    private static readonly DateOnly Day = new(2099, 5, 4);

    [Fact]
    public async Task TlsStats_OfSeveralProcesses_AreSummedByDayDomainAndPolicyInPages()
    {
        var store = api.Services.GetRequiredService<ITlsCountStore>();
        foreach (var instance in (string[])["one", "two/2"])
        {
            await store.WriteAsync(
                instance,
                [
                    new TlsCount(Day, "a.test", TlsPolicyType.Sts, TlsResultType.Success, 5),
                    new TlsCount(Day, "a.test", TlsPolicyType.Sts, TlsResultType.Expired, 2),
                    new TlsCount(Day, "a.test", TlsPolicyType.Tlsa, TlsResultType.Success, 1),
                    new TlsCount(Day, "a.test.more.test", TlsPolicyType.None, TlsResultType.NoStartTls, 3),
                    new TlsCount(Day.AddDays(1), "a.test", TlsPolicyType.Sts, TlsResultType.Success, 1),
                ],
                CancellationToken.None);
        }

        // replaces
        await store.WriteAsync("one", [new TlsCount(Day, "a.test", TlsPolicyType.Sts, TlsResultType.Success, 6)], CancellationToken.None);

        string[] all =
        [
            "2099-05-04 a.test sts 11/4 certificate-expired=4", "2099-05-04 a.test tlsa 2/0 ",
            "2099-05-04 a.test.more.test no-policy-found 0/6 starttls-not-supported=6",
            "2099-05-05 a.test sts 2/0 ",
        ];
        Assert.Equal(all, await ReadAsync("", 1000));
        Assert.Equal(all, await ReadAsync("", 1));
        Assert.Equal(all, await ReadAsync("", 3));
        Assert.Equal([all[0], all[1], all[3]], await ReadAsync("&domain=A.test", 1));
        Assert.Equal([all[0], all[1], all[3]], await ReadAsync("&domain=a.test", 100));
    }

    [Theory]
    [InlineData("from=2026-01-02&to=2026-01-01")]
    [InlineData("from=2026-01-01&to=2026-03-01")]
    [InlineData("domain=a..b")]
    [InlineData("continuation=AAAA")]
    [InlineData("continuation=MDAwMTAxMDEgc3RzIGEudGVzdA")]
    public async Task TlsStats_QueryThatCannotBe_IsAProblem(string query) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetAsync("stats/tls?" + query)).Status);

    [Fact]
    public async Task Housekeeping_RemovesCountsAfterThirtyDaysAndPoliciesThatRanOut()
    {
        var (counts, policies) = (api.Services.GetRequiredService<ITlsCountStore>(), api.Services.GetRequiredService<IStsPolicyStore>());
        var now = DateTimeOffset.UtcNow;
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        await counts.WriteAsync(
            "x",
            [
                new TlsCount(today.AddDays(-31), "r.test", "sts", "success", 1),
                new TlsCount(today.AddDays(-28), "r.test", "sts", "success", 1)],
            CancellationToken.None);
        await policies.PutAsync(new StsPolicy("old.test", "1", "enforce", ["mx.old.test"], now.AddSeconds(-1)), CancellationToken.None);
        var kept = new StsPolicy("new.test", "1", "enforce", ["mx.new.test", "*.new.test"], now.AddDays(1));
        await policies.PutAsync(kept, CancellationToken.None);

        Assert.Equal(
            2, await api.Services.GetServices<IHousekeepingTask>().Single(t => t.Name == "TLS results").RunAsync(CancellationToken.None));

        var left = new List<DateOnly>();
        await foreach (var count in counts.ReadAsync(today.AddDays(-40), today, "r.test", null, CancellationToken.None))
        {
            left.Add(count.Day);
        }

        Assert.Equal([today.AddDays(-28)], left);
        Assert.Null(await policies.FindAsync("old.test", now.AddDays(-1), CancellationToken.None));
        var found = await policies.FindAsync("new.test", now, CancellationToken.None);
        Assert.Equal(
            (kept.Id, kept.Mode, "mx.new.test *.new.test", kept.Expires),
            (found!.Id, found.Mode, string.Join(' ', found.Mx), found.Expires));
        Assert.Null(await policies.FindAsync("new.test", now.AddDays(1), CancellationToken.None));
    }

    private async Task<List<string>> ReadAsync(string query, int top)
    {
        var items = new List<string>();
        for (string? continuation = "", next = null; continuation is not null; continuation = next)
        {
            var from = continuation.Length > 0 ? "&continuation=" + continuation : "";
            var (status, body) = await api.GetAsync(
                $"stats/tls?from=2099-05-04T23:58:00Z&to=2099-05-05T00:05:00Z&top={top}{query}{from}");
            Assert.Equal(HttpStatusCode.OK, status);
            items.AddRange(body.GetProperty("items").EnumerateArray().Select(i =>
                $"{i.GetProperty("day")} {i.GetProperty("domain")} {i.GetProperty("policy")} "
                    + $"{i.GetProperty("successful")}/{i.GetProperty("failed")} "
                + string.Join(',', i.GetProperty("failures").EnumerateObject().Select(f => $"{f.Name}={f.Value}"))));
            next = body.GetProperty("continuation").GetString();
            Assert.InRange(body.GetProperty("items").GetArrayLength(), 0, top);
        }

        return items;
    }
}
