using System.Net;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Traces;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>Traces as the postmaster looks for them.</summary>
public sealed class TracesApiTests(TestedApi api)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ITraceWriter Writer => api.Services.GetRequiredService<ITraceWriter>();

    [Fact]
    public async Task Traces_OfOneMessage_AreFoundByIdAndMessageIdInOrder()
    {
        var at = DateTimeOffset.UtcNow;
        var id = MessageName.NewId(at);
        await Writer.WriteAsync(
            [
                Event(id, at.AddSeconds(2), TraceKind.Delivered),
                Event(id, at, TraceKind.Accepted) with { InternetMessageId = $"<'{id}/#%@x".TrimStart('<') }],
            Token);

        foreach (var asked in (string[])[id, id.ToUpperInvariant(), Uri.EscapeDataString($"<'{id}/#%@x>")])
        {
            var (status, body) = await api.GetAsync($"traces?id={asked}");
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(
                ["accepted", "delivered"], body.GetProperty("items").EnumerateArray().Select(e => e.GetProperty("kind").GetString()));
        }
    }

    [Fact]
    public async Task Traces_OfAnAddress_AreThoseOfTheWindowPageByPageOverDays()
    {
        var address = TestedApi.NewName() + "@example.test";
        var start = new DateTimeOffset(2026, 2, 27, 23, 0, 0, TimeSpan.Zero);
        for (var i = 0; i < 6; i++)
        {
            var at = start.AddHours(12 * i);
            await Writer.WriteAsync([Event(MessageName.NewId(at), at, TraceKind.Delivered, address) with { Detail = $"e{i}" }], Token);
        }

        var found = new List<string?>();
        string? continuation = null;
        do
        {
            var (_, page) =
                await api.GetAsync(
                    $"traces?address={address}&from=2026-02-28T00:00:00Z&to=2026-03-02T00:00:00Z&top=2&continuation={continuation}");
            found.AddRange(page.GetProperty("items").EnumerateArray().Select(e => e.GetProperty("detail").GetString()));
            continuation = page.GetProperty("continuation").GetString();
        }
        while (continuation is not null);

        Assert.Equal(["e1", "e2", "e3", "e4"], found);
    }

    [Fact]
    public async Task Retention_AfterThirtyDays_RemovesTheOldAndKeepsTheRest()
    {
        var (old, young) = (DateTimeOffset.UtcNow.AddDays(-30.5), DateTimeOffset.UtcNow.AddDays(-29));
        var (oldId, youngId) = (MessageName.NewId(old), MessageName.NewId(young));
        var address = TestedApi.NewName() + "@example.test";
        await Writer.WriteAsync(
            [
                Event(oldId, old, TraceKind.Accepted, address) with { InternetMessageId = oldId },
                Event(youngId, young, TraceKind.Accepted, address) with { InternetMessageId = youngId }],
            Token);

        var task = api.Services.GetServices<IHousekeepingTask>().Single(t => t.Name == "traces");
        while (await task.RunAsync(Token) > 0)
        {
            // Until nothing is left to do.
        }

        var counts =
            await Task.WhenAll(
                CountAsync($"id={oldId}"), CountAsync($"id=<{oldId}>"), CountAsync($"id={youngId}"), CountAsync($"id=<{youngId}>"));
        Assert.Equal([0, 0, 1, 1], counts);
        Assert.Equal(
            1, await CountAsync($"address={address}&from={Uri.EscapeDataString(DateTimeOffset.UtcNow.AddDays(-30.9).ToString("O"))}"));
    }

    [Fact]
    public async Task Traces_OfAQuotedLocalPart_KeepItOneAddress()
    {
        var id = MessageName.NewId(DateTimeOffset.UtcNow);
        string[] addresses = ["\"two words\"@example.test", "a@example.test", "\"quote \\\" and\\\\ \"@example.test"];
        await Writer.WriteAsync([Event(id, DateTimeOffset.UtcNow, TraceKind.Delivered, addresses)], Token);

        foreach (var query in addresses.Select(a => "address=" + Uri.EscapeDataString(a)).Append("id=" + id))
        {
            var (_, body) = await api.GetAsync($"traces?{query}");
            var found = body.GetProperty("items").EnumerateArray().Single(e => e.GetProperty("messageId").GetString() == id);
            Assert.Equal(addresses, found.GetProperty("addresses").EnumerateArray().Select(a => a.GetString()));
        }
    }

    [Fact]
    public async Task Traces_OfASender_TellTheEndOfItsMessagesWhenAsked()
    {
        var (sender, now) = (TestedApi.NewName() + "@example.test", DateTimeOffset.UtcNow);
        var (first, second) = (MessageName.NewId(now.AddSeconds(-9)), MessageName.NewId(now.AddSeconds(-8)));
        await Writer.WriteAsync(
            [
                Event(first, now.AddSeconds(-9), TraceKind.Accepted, sender),
                Event(first, now.AddSeconds(-5), TraceKind.Relayed, "far@elsewhere.test"),
                Event(second, now.AddSeconds(-8), TraceKind.Accepted, sender),
                Event(second, now.AddSeconds(-4), TraceKind.Bounced, "gone@elsewhere.test"),
            ],
            Token);

        var (_, alone) = await api.GetAsync($"traces?address={sender}");
        var (_, whole) = await api.GetAsync($"traces?address={sender}&stories=true");

        Assert.Equal(["accepted", "accepted"], alone.GetProperty("items").EnumerateArray().Select(e => e.GetProperty("kind").GetString()));
        Assert.Equal(
            ["accepted", "relayed", "accepted", "bounced"],
            whole.GetProperty("items").EnumerateArray().Select(e => e.GetProperty("kind").GetString()));
    }

    [Fact]
    public async Task Traces_ThatFillAPageExactly_HaveNoMore()
    {
        var id = MessageName.NewId(DateTimeOffset.UtcNow);
        var address = TestedApi.NewName() + "@example.test";
        await Writer.WriteAsync(
            [Event(id, DateTimeOffset.UtcNow, TraceKind.Accepted, address), Event(id, DateTimeOffset.UtcNow, TraceKind.Delivered, address)],
            Token);

        foreach (var query in (string[])[$"id={id}", $"address={address}"])
        {
            Assert.Null((await api.GetAsync($"traces?{query}&top=2")).Body.GetProperty("continuation").GetString());
            Assert.NotNull((await api.GetAsync($"traces?{query}&top=1")).Body.GetProperty("continuation").GetString());
        }
    }

    private async Task<int> CountAsync(string query)
    {
        var (status, body) = await api.GetAsync("traces?" + query);
        Assert.Equal(HttpStatusCode.OK, status);
        return body.GetProperty("items").GetArrayLength();
    }

    private static TraceEvent Event(string id, DateTimeOffset at, string kind, params string[] addresses) =>
        new() { MessageId = id, At = at, Kind = kind, Addresses = addresses };
}
