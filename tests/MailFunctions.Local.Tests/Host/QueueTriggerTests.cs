using System.Text;
using System.Text.Json;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Local.Tests.Host;

/// <summary>Service Bus triggers over a real bus: what the handler gets, and what becomes of the message.</summary>
public sealed class QueueTriggerTests : IAsyncLifetime
{
    private LocalBusProcess _bus = null!;
    private ServiceProvider _services = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _bus = await LocalBusProcess.StartAsync("--queue", "work", "--max-deliveries", "3", "--lock-duration", "00:00:03");
        _services = new ServiceCollection().AddMailBus(BusOptions.Parse(_bus.ConnectionString, _bus.ManagementEndpoint)).BuildServiceProvider();
    }

    [Fact]
    public async Task Message_AnsweredWithAnObject_IsCompletedAndWasEncodedAsTheRealHostDoes()
    {
        await using var app = await App().Queue("Ok", "%WORK_QUEUE%").Set("WORK_QUEUE", "work").StartAsync();

        await SendAsync("m1", """{"v":1,"id":"0192","MessageId":"forged","nested":{"a":[1]},"yes":true}""");

        await TestedApp.UntilAsync(async () => (await CountAsync()).Active == 0 && app.Calls("Ok").Count == 1, "the message is completed");
        var call = app.Calls("Ok")[0];
        var data = call.GetProperty("body").GetProperty("Data").GetProperty("mail");
        Assert.Equal("""{"v":1,"id":"0192","MessageId":"forged","nested":{"a":[1]},"yes":true}""", JsonSerializer.Deserialize<string>(data.GetString()!));
        var metadata = call.GetProperty("body").GetProperty("Metadata");
        Assert.Equal("1", metadata.GetProperty("DeliveryCount").GetString());
        Assert.Equal("1", metadata.GetProperty("v").GetString());
        Assert.Equal("\"0192\"", metadata.GetProperty("id").GetString());
        Assert.Equal("\"forged\"", metadata.GetProperty("MessageId").GetString()); // the body overwrites metadata
        Assert.Equal("""{"a":[1]}""", metadata.GetProperty("nested").GetRawText());
        Assert.Matches("^\"[0-9a-f-]{36}\"$", metadata.GetProperty("LockToken").GetString());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$", metadata.GetProperty("EnqueuedTimeUtc").GetString());
        Assert.Equal("Ok", metadata.GetProperty("sys").GetProperty("MethodName").GetString());
        Assert.Equal("chunked", call.GetProperty("chunked").GetString());
        Assert.Equal("application/json; charset=utf-8", call.GetProperty("type").GetString());
        Assert.True(Guid.TryParse(call.GetProperty("invocation").GetString(), out _));
    }

    [Fact]
    public async Task Message_ThatIsNotJson_StillArrivesAsAJsonString()
    {
        await using var app = await App().Queue("Ok", "work").StartAsync();

        await SendAsync("m1", "no { json");

        await TestedApp.UntilAsync(() => app.Calls("Ok").Count == 1, "the call");
        Assert.Equal("\"no { json\"", app.Calls("Ok")[0].GetProperty("body").GetProperty("Data").GetProperty("mail").GetString());
    }

    [Fact]
    public async Task Message_WithBinaryDataType_ArrivesAsBase64()
    {
        await using var app = await App().Queue("Ok", "work", ", \"dataType\": \"binary\"").StartAsync();

        await SendAsync("m1", "{\"v\":1}");

        await TestedApp.UntilAsync(() => app.Calls("Ok").Count == 1, "the call");
        var body = app.Calls("Ok")[0].GetProperty("body");
        Assert.Equal("{\"v\":1}", Encoding.UTF8.GetString(body.GetProperty("Data").GetProperty("mail").GetBytesFromBase64()));
    }

    [Theory]
    [InlineData("Fails")]
    [InlineData("NotJson")]
    public async Task Message_AnsweredBadly_ComesAgainUntilItIsDeadLettered(string function)
    {
        await using var app = await App().Queue(function, "work").StartAsync();

        await SendAsync("poison", "{}");

        await TestedApp.UntilAsync(async () => (await CountAsync()).DeadLettered == 1, "the message is dead-lettered");
        Assert.Equal(["1", "2", "3"], app.Calls(function).Select(c => c.GetProperty("body").GetProperty("Metadata").GetProperty("DeliveryCount").GetString()));
    }

    [Fact]
    public async Task Message_AnsweredWithNothing_HangsToTheFunctionTimeoutAndTheHandlerIsStartedAnew()
    {
        await using var app = await App("00:00:01").Queue("Empty", "work").StartAsync();

        await SendAsync("empty", "{}");

        // Three timeouts: they are no failures of the handler, so the host goes on.
        await TestedApp.UntilAsync(async () => (await CountAsync()).DeadLettered == 1 && app.Started().Count == 4, "new handlers get the message again");
        Assert.False(app.Process.HasExited);
        Assert.Equal("2", app.Calls("Empty")[1].GetProperty("body").GetProperty("Metadata").GetProperty("DeliveryCount").GetString());
    }

    [Fact]
    public async Task Message_WhoseHandlerDies_IsDeliveredAgainToTheNextOne()
    {
        await using var app = await App().Queue("Dies", "work").StartAsync();

        await SendAsync("deadly", "{}");

        await TestedApp.UntilAsync(async () => app.Calls("Dies").Count == 2 && (await CountAsync()).Active == 0, "the second delivery is completed");
        Assert.Equal(2, app.Started().Count);
    }

    [Fact]
    public async Task Messages_MoreThanMaxConcurrentCalls_AreWorkedOnThatManyAtOnce()
    {
        await using var app = await App(maxConcurrentCalls: 3).Queue("Slow", "work").StartAsync();

        await _services.GetRequiredService<IBusSender>().SendBatchAsync(
            "work", [.. Enumerable.Range(0, 12).Select(i => new BusMessage($"s{i}", "{}"u8.ToArray()))], Token);

        await TestedApp.UntilAsync(async () => app.Calls("Slow").Count == 12 && (await CountAsync()).Active == 0, "all are done");
        Assert.Equal(3, app.Calls("Slow").Max(c => c.GetProperty("running").GetInt32()));
        Assert.Contains(app.Process.Output, l => l.EndsWith("Slow: slow", StringComparison.Ordinal)); // Logs
    }

    [Fact]
    public async Task Message_ThatTakesLongerThanItsLock_KeepsItAndComesOnce()
    {
        await using var app = await App().Queue("Long", "work").StartAsync(); // 5 s of work, a lock of 3 s

        await SendAsync("long", "{}");

        await TestedApp.UntilAsync(async () => app.Calls("Long").Count > 0 && (await CountAsync()).Active == 0, "it is completed");
        Assert.Single(app.Calls("Long"));
        Assert.Equal(0, (await CountAsync()).DeadLettered);
    }

    [Fact]
    public async Task Stop_WhileAMessageIsWorkedOn_GivesItBack()
    {
        await using var app = await App().Queue("Long", "work").StartAsync();
        await SendAsync("long", "{}");
        await TestedApp.UntilAsync(() => app.Calls("Long").Count == 1, "the call");

        app.Process.Terminate();
        Assert.Equal(0, await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));

        await using var receiver = _services.GetRequiredService<IBusReceiverFactory>().OpenReceiver("work", 0);
        Assert.Equal("long", (await receiver.ReceiveAsync(TimeSpan.FromSeconds(1.5), Token))?.MessageId); // abandoned: no lock to wait for
        Assert.All(app.Started(), id => Assert.False(ProgramProcess.IsRunning(id)));
    }

    private TestedApp App(string functionTimeout = "00:00:30", int maxConcurrentCalls = 16) =>
        new TestedApp(functionTimeout, maxConcurrentCalls).Set("ServiceBusConnection", _bus.ConnectionString);

    private Task SendAsync(string id, string body) =>
        _services.GetRequiredService<IBusSender>().SendAsync("work", new BusMessage(id, Encoding.UTF8.GetBytes(body)), Token);

    private Task<QueueCounts> CountAsync() => _services.GetRequiredService<IBusMonitor>().CountAsync("work", Token);

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _bus.DisposeAsync();
    }
}
