using System.Text.Json;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Bus;

/// <summary>The local bus under Microsoft's own client (npm `@azure/service-bus`): see sdk.mjs for the scenarios.</summary>
public sealed class MicrosoftClientTests(MicrosoftClientTests.TestedBus tested) : IClassFixture<MicrosoftClientTests.TestedBus>
{
    [Fact]
    public async Task SendAndReceive_OneMessage_ComesWholeAndIsGoneOnceCompleted()
    {
        var result = await RunAsync("sendAndComplete");

        Assert.Equal("""{"v":1}""", result.GetProperty("body").GetRawText());
        Assert.Equal("one", result.GetProperty("id").GetString());
        Assert.Equal("""{"n":5,"s":"x"}""", result.GetProperty("properties").GetRawText());
        Assert.Equal("application/json", result.GetProperty("contentType").GetString());
        Assert.Equal(0, result.GetProperty("deliveryCount").GetInt32()); // this SDK counts from 0
        Assert.Equal("active", result.GetProperty("state").GetString());
        Assert.True(result.GetProperty("hasLock").GetBoolean());
        Assert.InRange(result.GetProperty("lockedFor").GetInt32(), 1, 2000);
        Assert.Equal(0, result.GetProperty("left").GetInt32());
    }

    [Fact]
    public async Task SendBatch_Of100_ComesInOrder()
    {
        var result = await RunAsync("batch");

        Assert.Equal(262_144, result.GetProperty("maxSize").GetInt32());
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"message {i}"), Strings(result, "bodies"));
    }

    [Fact]
    public async Task Schedule_AndCancelOne_DeliversTheOtherNotBeforeItsTime()
    {
        var result = await RunAsync("schedule");

        Assert.Equal(0, result.GetProperty("early").GetInt32());
        Assert.Equal(["kept"], Strings(result, "bodies"));
        Assert.True(result.GetProperty("notBefore").GetBoolean());
        Assert.Equal("MessageNotFound", result.GetProperty("again").GetString());
    }

    [Fact]
    public async Task Abandon_UntilTheDeliveriesAreSpent_DeadLetters()
    {
        var result = await RunAsync("abandonUntilDead");

        Assert.Equal("[0,1,2]", result.GetProperty("counts").GetRawText());
        Assert.Equal("MaxDeliveryCountExceeded", result.GetProperty("reason").GetString());
        Assert.Equal("q-abandonuntildead", result.GetProperty("source").GetString());
        Assert.Equal("poison", result.GetProperty("body").GetString());
    }

    [Fact]
    public async Task DeadLetter_WithReason_ShowsItInTheDeadLetterQueue()
    {
        var result = await RunAsync("deadLetter");

        Assert.Equal("bad", result.GetProperty("peeked").GetString());
        Assert.Equal("unreadable", result.GetProperty("reason").GetString());
        Assert.Equal("no JSON", result.GetProperty("description").GetString());
    }

    [Fact]
    public async Task Defer_ThenReceiveByNumber_GivesTheMessageOnlyThen()
    {
        var result = await RunAsync("defer");

        Assert.Equal(0, result.GetProperty("none").GetInt32());
        Assert.Equal("later", result.GetProperty("body").GetString());
    }

    [Fact]
    public async Task RenewLock_BeforeItRunsOut_KeepsTheMessage() =>
        Assert.InRange((await RunAsync("renew")).GetProperty("grew").GetInt32(), 500, 60_000);

    [Fact]
    public async Task Complete_AfterTheLockRanOut_SaysSoAndTheMessageComesAgain()
    {
        var result = await RunAsync("lockLost");

        Assert.Equal("MessageLockLost", result.GetProperty("code").GetString());
        Assert.Equal(1, result.GetProperty("deliveryCount").GetInt32());
    }

    [Fact]
    public async Task Send_TheSameMessageIdAgain_IsDropped() =>
        Assert.Equal(["first", "other"], Strings(await RunAsync("duplicates"), "bodies"));

    [Fact]
    public async Task ReceiveAndDelete_LeavesNothing()
    {
        var result = await RunAsync("receiveAndDelete");

        Assert.Equal(["a", "b"], Strings(result, "bodies"));
        Assert.Equal(0, result.GetProperty("left").GetInt32());
    }

    [Fact]
    public async Task Subscribe_FiftyMessages_EachComesOnceAndIsCompleted()
    {
        var result = await RunAsync("subscribe");

        Assert.Equal(Enumerable.Range(0, 50), result.GetProperty("seen").EnumerateArray().Select(e => e.GetInt32()));
        Assert.Equal(0, result.GetProperty("left").GetInt32());
    }

    [Fact]
    public async Task Send_ToAQueueThatIsNotThere_SaysSo() =>
        Assert.Equal("MessagingEntityNotFound", (await RunAsync("missingQueue")).GetProperty("code").GetString());

    [Fact]
    public async Task Connect_TwentyFiveTimes_NoneHangs() =>
        // A header sent with the SASL outcome in one packet makes this SDK wait for ever, now and then.
        Assert.Equal(0, (await RunAsync("peekNothing")).GetProperty("count").GetInt32());

    private async Task<JsonElement> RunAsync(string scenario)
    {
        await using var node = ProgramProcess.Start(
            "node",
            [Path.Combine(Repository.Root, "tests", "MailFunctions.Local.Tests", "Bus", "sdk.mjs"), tested.Bus.ConnectionString,
                "q-" + scenario, scenario]);
        var exitCode = await node.WaitForExitAsync(TimeSpan.FromSeconds(60));
        Assert.True(exitCode == 0, string.Join('\n', node.Errors));
        return JsonDocument.Parse(node.Output[^1]).RootElement;
    }

    private static IEnumerable<string?> Strings(JsonElement result, string name) =>
        result.GetProperty(name).EnumerateArray().Select(e => e.GetString());

    public sealed class TestedBus : IAsyncLifetime
    {
        private static readonly string[] Scenarios =
        [
            "sendAndComplete", "batch", "schedule", "abandonUntilDead", "deadLetter", "defer", "renew", "lockLost", "duplicates",
            "receiveAndDelete",
            "subscribe", "peekNothing", "missingQueue",
        ];

        public LocalBusProcess Bus { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Bus = await LocalBusProcess.StartAsync(
            ["--lock-duration", "00:00:02", "--max-deliveries", "3", .. Scenarios.SelectMany(s => new[] { "--queue", "q-" + s })]);

        public ValueTask DisposeAsync() => Bus.DisposeAsync();
    }
}
