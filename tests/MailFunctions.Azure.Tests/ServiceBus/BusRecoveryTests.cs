using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Azure.Tests.ServiceBus;

/// <summary>The bus dies and comes back, or stays away. Each test has a bus of its own.</summary>
public sealed class BusRecoveryTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SendAsync_WhileTheBusIsKilledAndRestarted_LosesAndDoublesNothing()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        await using var services = BusClients.Create(bus);
        var sender = services.GetRequiredService<IBusSender>();
        await sender.OpenAsync(QueueNames.Inbound, Token);

        var sending = Enumerable.Range(0, 400).Select(async i =>
        {
            await Task.Delay(i * 4, Token);
            await sender.SendAsync(QueueNames.Inbound, new BusMessage($"m{i}", new byte[100]), Token);
        }).ToList();
        await Task.Delay(500, Token);
        await bus.KillAsync();
        await Task.Delay(300, Token);
        await bus.RestartAsync();
        await Task.WhenAll(sending);

        Assert.Equal(400, (await services.GetRequiredService<IBusMonitor>().CountAsync(QueueNames.Inbound, Token)).Active);
    }

    [Fact]
    public async Task ReceiveAsync_AfterTheBusWasKilled_GoesOnAndLocksCanStillBeSettled()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        await using var services = BusClients.Create(bus);
        var sender = services.GetRequiredService<IBusSender>();
        await sender.SendAsync(QueueNames.Inbound, new BusMessage("before", new byte[1]), Token);
        await using var receiver = services.GetRequiredService<IBusReceiverFactory>().OpenReceiver(QueueNames.Inbound, 0);
        var before = await receiver.ReceiveAsync(TimeSpan.FromSeconds(5), Token);

        await bus.KillAsync();
        await bus.RestartAsync();

        Assert.True(await receiver.CompleteAsync(before!, Token)); // locks outlive the connection
        await sender.SendAsync(QueueNames.Inbound, new BusMessage("after", new byte[1]), Token);
        Assert.Equal("after", (await receiver.ReceiveAsync(TimeSpan.FromSeconds(10), Token))?.MessageId);
    }

    [Fact]
    public async Task SendAsync_WhenTheBusStaysAway_FailsWithinItsTimeLimitAndSaysWhy()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        await using var services = BusClients.Create(bus, o => o with { OperationTimeout = TimeSpan.FromSeconds(5) }); // the first send opens a connection, on a busy machine too
        var sender = services.GetRequiredService<IBusSender>();
        await sender.SendAsync(QueueNames.Inbound, new BusMessage("one", new byte[1]), Token);
        await bus.KillAsync();

        var attempts = Enumerable.Range(0, 50).Select(i => sender.SendAsync(QueueNames.Inbound, new BusMessage($"x{i}", new byte[1]), Token));

        var all = Task.WhenAll(attempts);
        await Assert.ThrowsAsync<BusUnavailableException>(() => all.WaitAsync(TimeSpan.FromSeconds(20), Token));
    }

    [Fact]
    public async Task ReceiveAsync_WhenTheBusStaysAway_SaysSo()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        await using var services = BusClients.Create(bus);
        await bus.KillAsync();
        await using var receiver = services.GetRequiredService<IBusReceiverFactory>().OpenReceiver(QueueNames.Inbound, 0);

        await Assert.ThrowsAsync<BusUnavailableException>(() => receiver.ReceiveAsync(TimeSpan.FromSeconds(1), Token));
    }
}
