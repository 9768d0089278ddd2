using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
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
        await using var client = new ServiceBusClient(bus.ConnectionString);
        var token = TestContext.Current.CancellationToken;
        await using var sender = client.CreateSender(QueueNames.Inbound);
        await sender.SendMessageAsync(new ServiceBusMessage("{}"), token);
        await using var receiver = client.CreateReceiver(QueueNames.Inbound);
        var asked = DateTimeOffset.UtcNow;

        var message = await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(30), token);

        Assert.InRange(message!.LockedUntil, asked.AddSeconds(59), DateTimeOffset.UtcNow.AddSeconds(60.1));
    }
}
