using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Local.Tests.Bus;

/// <summary>The bus without an option has the rules that the Bicep files give the queues in Azure.</summary>
public sealed class BusDefaultsTests
{
    /// <summary>A crashed receiver hides its messages for so long.</summary>
    [Fact]
    public async Task Lock_LastsAMinute()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        await using var services = new ServiceCollection().AddMailBus(BusOptions.Parse(bus.ConnectionString, bus.ManagementEndpoint)).BuildServiceProvider();
        var token = TestContext.Current.CancellationToken;
        await services.GetRequiredService<IBusSender>().SendAsync(QueueNames.Inbound, new BusMessage("one", "{}"u8.ToArray()), token);
        await using var receiver = services.GetRequiredService<IBusReceiverFactory>().OpenReceiver(QueueNames.Inbound, 0);
        var asked = DateTimeOffset.UtcNow;

        var message = await receiver.ReceiveAsync(TimeSpan.FromSeconds(30), token);

        Assert.InRange(message!.LockedUntil, asked.AddSeconds(59), DateTimeOffset.UtcNow.AddSeconds(60.1));
    }
}
