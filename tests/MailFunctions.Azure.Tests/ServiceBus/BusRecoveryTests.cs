using System.Net;
using System.Net.Sockets;
using MailFunctions.Azure.ServiceBus;
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
            await SendUntilTakenAsync(sender, new BusMessage($"m{i}", new byte[100]));
        }).ToList();
        await Task.Delay(500, Token);
        await bus.KillAsync();
        await Task.Delay(300, Token);
        await bus.RestartAsync();
        await Task.WhenAll(sending);

        // What the bus took and could not confirm was sent twice.
        Assert.Equal(400, (await services.GetRequiredService<IBusMonitor>().CountAsync(QueueNames.Inbound, Token)).Active);
    }

    [Fact]
    public async Task SendAsync_WhenTheBusStaysAway_FailsWithinItsTimeLimitAndSaysWhy()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        // the first send opens a connection, on a busy machine too
        await using var services = BusClients.Create(bus, o => o with { OperationTimeout = TimeSpan.FromSeconds(5) });
        var sender = services.GetRequiredService<IBusSender>();
        await sender.SendAsync(QueueNames.Inbound, new BusMessage("one", new byte[1]), Token);
        await bus.KillAsync();

        var attempts = Enumerable.Range(0, 50)
            .Select(i => sender.SendAsync(QueueNames.Inbound, new BusMessage($"x{i}", new byte[1]), Token));

        var all = Task.WhenAll(attempts);
        await Assert.ThrowsAsync<BusUnavailableException>(() => all.WaitAsync(TimeSpan.FromSeconds(20), Token));
    }

    [Fact]
    public async Task OpenAsync_AfterTheBusDiedAndCameBack_SaysHowItIs()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        await using var services = BusClients.Create(bus);
        var sender = services.GetRequiredService<IBusSender>();
        await sender.OpenAsync(QueueNames.Inbound, Token);

        await bus.KillAsync();
        await Assert.ThrowsAsync<BusUnavailableException>(() => sender.OpenAsync(QueueNames.Inbound, Token));
        await bus.RestartAsync();

        await UntilTakenAsync(() => sender.OpenAsync(QueueNames.Inbound, Token));
    }

    [Fact]
    public async Task SendAsync_ToABusThatHangs_FailsAtItsTimeLimit()
    {
        using var hung = new TcpListener(IPAddress.Loopback, 0); // takes connections, and never answers
        hung.Start();
        var port = ((IPEndPoint)hung.LocalEndpoint).Port;
        var options =
            BusOptions.Parse($"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=n;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;");
        await using var services = new ServiceCollection()
            .AddMailBus(options with { OperationTimeout = TimeSpan.FromSeconds(1) }).BuildServiceProvider();

        var sending = services.GetRequiredService<IBusSender>().SendAsync(QueueNames.Inbound, new BusMessage("x", new byte[1]), Token);

        var e = await Assert.ThrowsAsync<BusUnavailableException>(() => sending.WaitAsync(TimeSpan.FromSeconds(30), Token));
        Assert.Contains("did not answer within 1 s", e.Message, StringComparison.Ordinal);
    }

    /// <summary>As an SMTP client does that got a 451.</summary>
    private static Task SendUntilTakenAsync(IBusSender sender, BusMessage message) =>
        UntilTakenAsync(() => sender.SendAsync(QueueNames.Inbound, message, Token));

    private static async Task UntilTakenAsync(Func<Task> call)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Token);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        while (true)
        {
            try
            {
                await call();
                return;
            }
            catch (BusUnavailableException)
            {
                await Task.Delay(100, limit.Token);
            }
        }
    }
}
