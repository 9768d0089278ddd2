using System.Text;
using Azure.Messaging.ServiceBus;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Local.Tests.Host;

/// <summary>Service Bus triggers over a real bus: what the function gets, and what becomes of the message.</summary>
public sealed class QueueTriggerTests : IAsyncLifetime
{
    private LocalBusProcess _bus = null!;
    private ServiceProvider _services = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _bus = await LocalBusProcess.StartAsync("--queue", "work", "--max-deliveries", "3", "--lock-duration", "00:00:03");
        _services = new ServiceCollection()
            .AddMailBus(BusOptions.Parse(_bus.ConnectionString, _bus.ManagementEndpoint)).BuildServiceProvider();
    }

    [Fact]
    public async Task Message_IsTheOneThatWasSent_WithAllThatTheBusAdds()
    {
        const string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        const string body = """{"v":1,"MessageId":"forged","LockToken":"forged","nested":{"a":[1]} }""";
        await using var app = await App("Ok").StartAsync();

        await _services.GetRequiredService<IBusSender>()
            .SendAsync("work", new BusMessage("m1", Encoding.UTF8.GetBytes(body)) { TraceParent = trace }, Token);

        await TestedApp.UntilAsync(async () => (await CountAsync()).Active == 0 && app.Calls("Ok").Count == 1, "the message is completed");
        var call = app.Calls("Ok")[0];
        Assert.Equal(("m1", body, 1, trace), (
            call.GetProperty("id").GetString(), call.GetProperty("body").GetString(), call.GetProperty("delivery").GetInt32(),
            call.GetProperty("trace").GetString()));
        Assert.Equal(trace, call.GetProperty("properties").GetProperty("Diagnostic-Id").GetString());
        Assert.True(call.GetProperty("sequence").GetInt64() > 0);
        Assert.True(Guid.TryParse(call.GetProperty("lockToken").GetString(), out var token) && token != Guid.Empty);
        Assert.InRange(call.GetProperty("lockedFor").GetDouble(), -60, 3);
        Assert.InRange(
            call.GetProperty("enqueued").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddSeconds(1));
        var metadata = call.GetProperty("metadata");
        Assert.Equal("m1", metadata.GetProperty("MessageId").GetString()); // the body forges nothing
        Assert.Equal(token.ToString(), metadata.GetProperty("LockToken").GetString());
        Assert.Equal("1", metadata.GetProperty("DeliveryCount").GetString());
        Assert.False(metadata.TryGetProperty("CorrelationId", out _)); // what there is not is left out
    }

    [Theory]
    [InlineData("no { json")]
    [InlineData("")]
    [InlineData("\u0000\uffff")]
    public async Task Message_WhateverItsBody_ArrivesAsItIs(string body)
    {
        await using var app = await App("Ok").StartAsync();

        await SendAsync("m1", body);

        await TestedApp.UntilAsync(() => app.Calls("Ok").Count == 1, "the call");
        Assert.Equal(body, app.Calls("Ok")[0].GetProperty("body").GetString());
    }

    [Fact]
    public async Task Message_WhoseFunctionThrows_ComesAgainUntilItIsDeadLettered()
    {
        await using var app = await App("Fails").StartAsync();

        await SendAsync("poison", "{}");

        await TestedApp.UntilAsync(async () => (await CountAsync()).DeadLettered == 1, "the message is dead-lettered");
        Assert.Equal([1, 2, 3], app.Calls("Fails").Select(c => c.GetProperty("delivery").GetInt32()));
        Assert.Contains(app.Process.Output, l => l.Contains("abandoned after delivery 3: It failed.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Message_WhoseFunctionHangs_HasTheFunctionTimeoutAndTheWorkerIsStartedAnew()
    {
        await using var app = await App("Hangs").HostJson("00:00:02").StartAsync();

        await SendAsync("hanging", "{}");

        // Three timeouts: they are no failures of the worker, so the host goes on.
        await TestedApp.UntilAsync(
            async () => (await CountAsync()).DeadLettered == 1 && app.Started().Count == 4, "new workers get the message again");
        Assert.False(app.Process.HasExited);
        var deliveries = app.Calls("Hangs").Select(c => c.GetProperty("delivery").GetInt32()).ToList();
        Assert.Equal(deliveries.Distinct().Order(), deliveries); // none went to a worker that was to be killed
    }

    [Fact]
    public async Task Message_WhoseWorkerDies_IsDeliveredAgainToTheNextOne()
    {
        await using var app = await App("Dies").StartAsync();

        await SendAsync("deadly", "{}");

        await TestedApp.UntilAsync(
            async () => app.Calls("Dies").Count == 2 && (await CountAsync()).Active == 0, "the second delivery is completed");
        Assert.Equal(2, app.Started().Count);
        Assert.Equal([1, 2], app.Calls("Dies").Select(c => c.GetProperty("delivery").GetInt32())); // one delivery was spent, not several
    }

    [Fact]
    public async Task Messages_MoreThanMaxConcurrentCalls_AreWorkedOnThatManyAtOnce()
    {
        await using var app = await App("Slow").HostJson(maxConcurrentCalls: 3).StartAsync();

        await _services.GetRequiredService<IBusSender>().SendBatchAsync(
            "work", [.. Enumerable.Range(0, 12).Select(i => new BusMessage($"s{i}", "{}"u8.ToArray()))], Token);

        await TestedApp.UntilAsync(async () => app.Calls("Slow").Count == 12 && (await CountAsync()).Active == 0, "all are done");
        Assert.Equal(3, app.Calls("Slow").Max(c => c.GetProperty("running").GetInt32()));
        await TestedApp.UntilAsync(
            () => app.Process.Output.Any(l => l.EndsWith("QueueFunctions WorkedSlowly: slow s0", StringComparison.Ordinal)),
            "the function's own log reaches the host's");
    }

    [Fact]
    public async Task Message_ThatTakesLongerThanItsLock_KeepsItAndComesOnce()
    {
        await using var app = await App("Long").StartAsync(); // 5 s of work, a lock of 3 s

        await SendAsync("long", "{}");

        await TestedApp.UntilAsync(async () => app.Calls("Long").Count > 0 && (await CountAsync()).Active == 0, "it is completed");
        Assert.Single(app.Calls("Long"));
        Assert.Equal(0, (await CountAsync()).DeadLettered);
    }

    [Fact]
    public async Task Stop_WhileAMessageIsWorkedOn_CancelsTheFunctionAndGivesTheMessageBack()
    {
        await using var app = await App("Long").StartAsync();
        await SendAsync("long", "{}");
        await TestedApp.UntilAsync(() => app.Calls("Long").Count == 1, "the call");

        app.Process.Terminate();
        Assert.Equal(0, await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));

        Assert.Equal("long", Assert.Single(app.Noted("cancelled")).GetProperty("cancelled").GetString());
        await using var client = new ServiceBusClient(_bus.ConnectionString);
        await using var receiver = client.CreateReceiver("work");
        // abandoned: no lock to wait for
        Assert.Equal("long", (await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(1.5), Token))?.MessageId);
        Assert.All(app.Started(), id => Assert.False(ProgramProcess.IsRunning(id)));
    }

    private TestedApp App(string function) => new TestedApp(function).Set("ServiceBusConnection", _bus.ConnectionString);

    private Task SendAsync(string id, string body) =>
        _services.GetRequiredService<IBusSender>().SendAsync("work", new BusMessage(id, Encoding.UTF8.GetBytes(body)), Token);

    private Task<QueueCounts> CountAsync() => _services.GetRequiredService<IBusMonitor>().CountAsync("work", Token);

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _bus.DisposeAsync();
    }
}
