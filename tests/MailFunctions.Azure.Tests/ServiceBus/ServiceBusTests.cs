using System.Text;
using System.Text.RegularExpressions;
using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Azure.Tests.ServiceBus;

/// <summary>The adapter over the local bus, a real AMQP peer in a process of its own. Each test has its own queue.</summary>
public sealed class ServiceBusTests(ServiceBusTests.TestedBus tested) : IClassFixture<ServiceBusTests.TestedBus>, IAsyncLifetime
{
    private const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _services = BusClients.Create(tested.Bus);

    private IBusSender Sender => _services.GetRequiredService<IBusSender>();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SendAsync_Message_IsReceivedWithItsBodyIdAndTrace()
    {
        await Sender.SendAsync("send", Message("a") with { TraceParent = Trace }, Token);

        await using var receiver = Open("send");
        var message = await receiver.ReceiveMessageAsync(Wait, Token);

        Assert.NotNull(message);
        Assert.Equal("a", message.MessageId);
        Assert.Equal("body of a", message.Body.ToString());
        Assert.Equal(1, message.DeliveryCount);
        Assert.Equal(Trace, message.ApplicationProperties["Diagnostic-Id"]);
        Assert.True(message.LockedUntil > DateTimeOffset.UtcNow);
        await receiver.CompleteMessageAsync(message, Token);
        Assert.Null(await receiver.ReceiveMessageAsync(TimeSpan.FromMilliseconds(300), Token));
    }

    [Fact]
    public async Task SendAsync_SameMessageIdTwice_IsReceivedOnce()
    {
        await Sender.SendAsync("twice", Message("a"), Token);
        await Sender.SendAsync("twice", Message("a"), Token);

        Assert.Equal(1, (await CountAsync("twice")).Active);
    }

    [Fact]
    public async Task SendBatchAsync_MoreThanOneTransferHolds_AllArriveInOrder()
    {
        var messages = Enumerable.Range(0, 300).Select(i => new BusMessage($"b{i}", new byte[2000])).ToList();

        await Sender.SendBatchAsync("batch", messages, Token);

        Assert.Equal(300, (await CountAsync("batch")).Active);
        await using var receiver = Open("batch");
        for (var i = 0; i < 300; i++)
        {
            var message = await receiver.ReceiveMessageAsync(Wait, Token);
            Assert.Equal($"b{i}", message?.MessageId);
            await receiver.CompleteMessageAsync(message!, Token);
        }
    }

    [Fact]
    public async Task MessageIdsAsync_OfAQueue_NamesWhatWaitsIsLockedIsHeldOrIsDead()
    {
        var inventory = _services.GetRequiredService<IBusInventory>();
        Assert.Empty((await inventory.MessageIdsAsync("inventory", 1000, Token))!);
        await Sender.SendBatchAsync("inventory", [.. Enumerable.Range(0, 300).Select(i => Message($"i{i}"))], Token);
        await Sender.SendAsync("inventory", Message("held") with { ScheduledEnqueueTime = DateTimeOffset.UtcNow.AddMinutes(5) }, Token);
        await using var receiver = Open("inventory");
        await receiver.DeadLetterMessageAsync(await receiver.ReceiveMessageAsync(Wait, Token), "test", "", Token);
        Assert.NotNull(await receiver.ReceiveMessageAsync(Wait, Token)); // locked

        var ids = await inventory.MessageIdsAsync("inventory", 1000, Token);

        Assert.Equal([.. Enumerable.Range(0, 300).Select(i => $"i{i}").Append("held").Order()], ids!.Order());
        Assert.Null(await inventory.MessageIdsAsync("inventory", 250, Token));
    }

    [Fact]
    public async Task MessageIdsAsync_OfWhatWasResubmitted_NamesTheMessage()
    {
        var (inventory, dead) = (_services.GetRequiredService<IBusInventory>(), _services.GetRequiredService<IDeadLetters>());
        var id = Guid.NewGuid().ToString();
        await Sender.SendAsync("again", Message(id), Token);
        for (var times = 0; times < 3; times++)
        {
            await using var receiver = Open("again");
            await receiver.DeadLetterMessageAsync(await receiver.ReceiveMessageAsync(Wait, Token), "test", "", Token);
            var letter = Assert.Single(await dead.PeekAsync("again", 0, 10, Token));
            Assert.True(await dead.ResubmitAsync("again", letter.SequenceNumber, Token));

            Assert.Equal([id], await inventory.MessageIdsAsync("again", 10, Token));
        }
    }

    [Fact]
    public async Task DeleteAsync_OfALetterBehindOthers_TakesThatOneAndGivesTheOthersBack()
    {
        var dead = _services.GetRequiredService<IDeadLetters>();
        await Sender.SendBatchAsync("letters", [.. Enumerable.Range(0, 60).Select(i => Message($"l{i}"))], Token);
        await using var receiver = Open("letters");
        for (var i = 0; i < 60; i++)
        {
            await receiver.DeadLetterMessageAsync(await receiver.ReceiveMessageAsync(Wait, Token), "why", "because", Token);
        }

        var letters = await dead.PeekAsync("letters", 0, 100, Token);
        Assert.Equal(("l0", "why", "because", "body of l0"), (
            letters[0].MessageId, letters[0].Reason, letters[0].Description, Encoding.UTF8.GetString(letters[0].Body.Span)));
        Assert.True(await dead.DeleteAsync("letters", letters[59].SequenceNumber, Token));
        Assert.False(await dead.DeleteAsync("letters", letters[59].SequenceNumber, Token));
        Assert.True(await dead.DeleteAsync("letters", letters[58].SequenceNumber, Token)); // not held up by locks that stayed

        Assert.Equal(letters.Take(58).Select(l => l.MessageId), (await dead.PeekAsync("letters", 0, 100, Token)).Select(l => l.MessageId));
    }

    [Fact]
    public async Task ResubmitAsync_OfAnotherClientsMessage_KeepsItsPropertiesAndTrace()
    {
        var dead = _services.GetRequiredService<IDeadLetters>();
        var client = _services.GetRequiredService<ServiceBusClient>();
        await using var sender = client.CreateSender("foreign");
        var sent = new ServiceBusMessage("text")
        {
            MessageId = "f",
            Subject = "s",
            ApplicationProperties = { ["n"] = 5, ["Diagnostic-Id"] = Trace },
        };
        sent.GetRawAmqpMessage().Body = AmqpMessageBody.FromValue("text");
        await sender.SendMessageAsync(sent, Token);
        await using var receiver = Open("foreign");
        await receiver.DeadLetterMessageAsync(await receiver.ReceiveMessageAsync(Wait, Token), "why", "because", Token);

        var letter = Assert.Single(await dead.PeekAsync("foreign", 0, 10, Token));
        Assert.Equal("text", Encoding.UTF8.GetString(letter.Body.Span));
        Assert.True(await dead.ResubmitAsync("foreign", letter.SequenceNumber, Token));

        var again = await receiver.ReceiveMessageAsync(Wait, Token);
        Assert.Equal(($"f-again-{letter.SequenceNumber}", "s", 1), (again.MessageId, again.Subject, again.DeliveryCount));
        Assert.Equal(
            [("Diagnostic-Id", Trace), ("n", (object)5)],
            again.ApplicationProperties.Select(p => (p.Key, p.Value)).OrderBy(p => p.Key, StringComparer.Ordinal));
        Assert.Empty(await dead.PeekAsync("foreign", 0, 10, Token));
    }

    [Fact]
    public async Task LocalBus_CancelsAScheduledMessageOnce()
    {
        await using var sender = _services.GetRequiredService<ServiceBusClient>().CreateSender("schedule");
        var number =
            await sender.ScheduleMessageAsync(new ServiceBusMessage("s") { MessageId = "s" }, DateTimeOffset.UtcNow.AddMinutes(5), Token);

        Assert.Equal(1, (await CountAsync("schedule")).Scheduled);
        await sender.CancelScheduledMessageAsync(number, Token);
        var again = await Assert.ThrowsAsync<ServiceBusException>(() => sender.CancelScheduledMessageAsync(number, Token));
        Assert.Equal(ServiceBusFailureReason.MessageNotFound, again.Reason);
        Assert.Equal(0, (await CountAsync("schedule")).Scheduled);
    }

    [Fact]
    public async Task SendAsync_WithScheduledEnqueueTime_IsNotReceivedBefore()
    {
        var at = DateTimeOffset.UtcNow.AddSeconds(1);
        await Sender.SendAsync("hold", Message("h") with { ScheduledEnqueueTime = at }, Token);

        await using var receiver = Open("hold");
        Assert.NotNull(await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(10), Token));
        Assert.True(DateTimeOffset.UtcNow >= at.AddMilliseconds(-20));
    }

    [Fact]
    public async Task CountAsync_OldestMessage_IsTheFirstEnqueued()
    {
        var before = DateTimeOffset.UtcNow.AddSeconds(-1);
        await Sender.SendAsync("oldest", Message("o1"), Token);
        await Sender.SendAsync("oldest", Message("o2"), Token);

        Assert.InRange((await CountAsync("oldest")).OldestEnqueuedAt!.Value, before, DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task SendAsync_ToAQueueThatIsNotThere_SaysWhich()
    {
        await using var services = BusClients.Create(tested.Bus, o => o with { OperationTimeout = TimeSpan.FromSeconds(10) });

        var e = await Assert.ThrowsAsync<BusUnavailableException>(
            () => services.GetRequiredService<IBusSender>().SendAsync("no-such-queue", Message("x"), Token));

        Assert.Contains("no-such-queue", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SendAsync_WithAWrongKey_IsRefusedWithinTheTimeLimit()
    {
        var wrong = Regex.Replace(tested.Bus.ConnectionString, "SharedAccessKey=[^;]+", "SharedAccessKey=d3Jvbmc=");
        await using var services = BusClients.Create(tested.Bus, wrong, o => o with { OperationTimeout = TimeSpan.FromSeconds(10) });

        var e = await Assert.ThrowsAsync<BusUnavailableException>(
            () => services.GetRequiredService<IBusSender>().SendAsync("send", Message("x"), Token));

        Assert.Contains("token", e.Message, StringComparison.Ordinal);
    }

    private ServiceBusReceiver Open(string queue) => _services.GetRequiredService<ServiceBusClient>().CreateReceiver(queue);

    private Task<QueueCounts> CountAsync(string queue) => _services.GetRequiredService<IBusMonitor>().CountAsync(queue, Token);

    private static BusMessage Message(string id) => new(id, Encoding.UTF8.GetBytes("body of " + id));

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    public sealed class TestedBus : IAsyncLifetime
    {
        private static readonly string[] Queues =
            ["send", "twice", "batch", "schedule", "hold", "oldest", "inventory", "again", "letters", "foreign"];

        public LocalBusProcess Bus { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Bus = await LocalBusProcess.StartAsync(
            [.. Queues.SelectMany(q => new[] { "--queue", q })]);

        public ValueTask DisposeAsync() => Bus.DisposeAsync();
    }
}
