using Azure.Messaging.ServiceBus;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Bus;

/// <summary>A receiver may change a message's application properties as it settles it: seen with Microsoft's .NET SDK.</summary>
public sealed class ChangedPropertiesTests : IAsyncLifetime
{
    private const string Queue = "changed";
    private LocalBusProcess _bus = null!;
    private ServiceBusClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Dictionary<string, object> Changes => new() { ["kept"] = "new", ["added"] = 7L };

    public async ValueTask InitializeAsync()
    {
        _bus = await LocalBusProcess.StartAsync("--queue", Queue);
        _client = new ServiceBusClient(_bus.ConnectionString);
        await using var sender = _client.CreateSender(Queue);
        await sender.SendMessageAsync(
            new ServiceBusMessage("body") { MessageId = "m", ApplicationProperties = { ["kept"] = "old", ["other"] = true } }, Token);
    }

    [Fact]
    public async Task Abandon_WithProperties_TheNextDeliveryHasThem()
    {
        await using var receiver = _client.CreateReceiver(Queue);
        await receiver.AbandonMessageAsync(await receiver.ReceiveMessageAsync(cancellationToken: Token), Changes, Token);

        Verify(await receiver.ReceiveMessageAsync(cancellationToken: Token), deliveries: 2);
    }

    [Fact]
    public async Task Abandon_OverAnotherLink_ChangesThemToo()
    {
        ServiceBusReceivedMessage message;
        await using (var closed = _client.CreateReceiver(Queue))
        {
            message = await closed.ReceiveMessageAsync(cancellationToken: Token);
        }

        await using var receiver = _client.CreateReceiver(Queue);
        await receiver.AbandonMessageAsync(message, Changes, Token); // through $management: the link that gave it has gone

        Verify(await receiver.ReceiveMessageAsync(cancellationToken: Token), deliveries: 2);
    }

    [Fact]
    public async Task Defer_WithProperties_KeepsThem()
    {
        await using var receiver = _client.CreateReceiver(Queue);
        var message = await receiver.ReceiveMessageAsync(cancellationToken: Token);
        await receiver.DeferMessageAsync(message, Changes, Token);

        Verify(await receiver.ReceiveDeferredMessageAsync(message.SequenceNumber, Token), deliveries: 2);
    }

    [Fact]
    public async Task DeadLetter_WithProperties_TheDeadLetterHasThemBesideItsReason()
    {
        await using var receiver = _client.CreateReceiver(Queue);
        await receiver.DeadLetterMessageAsync(
            await receiver.ReceiveMessageAsync(cancellationToken: Token), Changes, "why", "because", Token);

        await using var dead = _client.CreateReceiver(Queue, new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter });
        var letter = await dead.ReceiveMessageAsync(cancellationToken: Token);
        Assert.Equal(("why", "because"), (letter.DeadLetterReason, letter.DeadLetterErrorDescription));
        Verify(letter, deliveries: 2);
    }

    private static void Verify(ServiceBusReceivedMessage message, int deliveries)
    {
        Assert.Equal(("m", "body", deliveries), (message.MessageId, message.Body.ToString(), message.DeliveryCount));
        Assert.Equal(
            ("new", 7L, true),
            (message.ApplicationProperties["kept"], message.ApplicationProperties["added"], message.ApplicationProperties["other"]));
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _bus.DisposeAsync();
    }
}
