using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using MailFunctions.Core.Stats;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.Functions.Traces;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>Counters on their way from meters to the answer.</summary>
public sealed class StatsApiTests(TestedApi api)
{
    private static readonly DateTimeOffset Start = new(2026, 5, 4, 23, 58, 0, TimeSpan.Zero);

    [Fact]
    public async Task Stats_OfSeveralInstancesAndMinutes_AreSummedByBucket()
    {
        var store = api.Services.GetRequiredService<IStatsStore>();
        foreach (var (minute, instance, value) in (
            (int, string, long)[])[(0, "edge/1", 1), (0, "edge-2", 10), (1, "edge/1", 100), (2, "edge/1", 1000), (7, "edge/1", 10_000)])
        {
            var row = new StatsMinute(Start.AddMinutes(minute), instance, new Dictionary<string, long> { ["a{b=c}"] = value });
            await store.WriteAsync(row, CancellationToken.None);
            await store.WriteAsync(row, CancellationToken.None); // the same row again
        }

        var (status, body) = await api.GetAsync("stats?from=2026-05-04T23:58:00Z&to=2026-05-05T00:05:00Z&bucket=5m");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(
            ["05/04/2026 23:55:00 2 111", "05/05/2026 00:00:00 1 1000"],
            body.GetProperty("items").EnumerateArray().Select(i => string.Create(
                CultureInfo.InvariantCulture,
                $"{i.GetProperty("start").GetDateTimeOffset().UtcDateTime} {i.GetProperty("instances")} "
                    + $"{i.GetProperty("counters").GetProperty("a{b=c}")}")));
    }

    [Fact]
    public async Task Stats_WithTheBus_TellWhatWaitsInTheQueues()
    {
        var (_, body) = await api.GetAsync("stats");

        Assert.Equal(
            ["mail-inbound", "mail-outbound"], body.GetProperty("queues").EnumerateArray().Select(q => q.GetProperty("name").GetString()));
        Assert.All(body.GetProperty("queues").EnumerateArray(), q => Assert.True(q.GetProperty("deadLettered").GetInt64() >= 0));
    }

    [Theory]
    [InlineData("bucket=2m")]
    [InlineData("from=2026-01-01&to=2026-12-01")]
    [InlineData("from=2026-01-02&to=2026-01-01")]
    [InlineData("from=x")]
    public async Task Stats_WindowOrBucketThatCannotBe_IsAProblem(string query) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetAsync("stats?" + query)).Status);

    [Fact]
    public async Task CountedTraces_AcceptedAndDelivered_CountsKindsAndLatency()
    {
        using var totals = new MeterTotals();
        using var meters = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var traces = new CountedTraces(new MemoryTraces(), meters.GetRequiredService<IMeterFactory>());
        var kind = "kind-" + TestedApi.NewName();
        var before = totals.Read();

        await traces.WriteAsync(
            [
                new TraceEvent { MessageId = "m", At = Start, Kind = TraceKind.Accepted },
                new TraceEvent { MessageId = "m", At = Start.AddSeconds(200), Kind = TraceKind.Delivered },
                new TraceEvent { MessageId = "m", At = Start, Kind = kind },
            ],
            CancellationToken.None);

        var now = totals.Read();
        Assert.Equal(1, now[$"{CountedTraces.EventsName}{{kind={kind}}}"]);
        var bucket = MeterTotals.BucketName(CountedTraces.LatencyName, 300);
        Assert.Equal(1, now[bucket] - before.GetValueOrDefault(bucket));
    }
}
