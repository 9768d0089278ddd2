using System.Text;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Azure.Tests.ServiceBus;

/// <summary>The adapter over the local bus, a real AMQP peer in a process of its own. Each test has its own queue.</summary>
public sealed class ServiceBusTests(ServiceBusTests.TestedBus tested) : IClassFixture<ServiceBusTests.TestedBus>, IAsyncLifetime
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);

    private readonly ServiceProvider _services = BusClients.Create(tested.Bus);

    private IBusSender Sender => _services.GetRequiredService<IBusSender>();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SendAsync_Message_IsReceivedWithItsBodyIdAndTrace()
    {
        await Sender.SendAsync("send", Message("a") with { TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }, Token);

        await using var receiver = Open("send");
        var message = await receiver.ReceiveAsync(Wait, Token);

        Assert.NotNull(message);
        Assert.Equal("a", message.MessageId);
        Assert.Equal("body of a", Encoding.UTF8.GetString(message.Body.Span));
        Assert.Equal(1, message.DeliveryCount);
        Assert.Equal("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", message.ApplicationProperties["Diagnostic-Id"]);
        Assert.True(message.LockedUntil > DateTimeOffset.UtcNow);
        Assert.True(await receiver.CompleteAsync(message, Token));
        Assert.Null(await receiver.ReceiveAsync(TimeSpan.FromMilliseconds(300), Token));
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
        await using var receiver = Open("batch", prefetch: 20);
        for (var i = 0; i < 300; i++)
        {
            var message = await receiver.ReceiveAsync(Wait, Token);
            Assert.Equal($"b{i}", message?.MessageId);
            Assert.True(await receiver.CompleteAsync(message!, Token));
        }
    }

    [Fact]
    public async Task MessageIdsAsync_OfAQueue_NamesWhatWaitsIsLockedIsHeldOrIsDead()
    {
        var inventory = _services.GetRequiredService<IBusInventory>();
        Assert.Empty((await inventory.MessageIdsAsync("inventory", 1000, Token))!);
        await Sender.SendBatchAsync("inventory", [.. Enumerable.Range(0, 300).Select(i => Message($"i{i}"))], Token);
        await Sender.ScheduleAsync("inventory", Message("held"), DateTimeOffset.UtcNow.AddMinutes(5), Token);
        await using var receiver = Open("inventory");
        Assert.True(await receiver.DeadLetterAsync((await receiver.ReceiveAsync(Wait, Token))!, "test", "", Token));
        Assert.NotNull(await receiver.ReceiveAsync(Wait, Token)); // locked

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
            Assert.True(await receiver.DeadLetterAsync((await receiver.ReceiveAsync(Wait, Token))!, "test", "", Token));
            var letter = Assert.Single(await dead.PeekAsync("again", 0, 10, Token));
            Assert.True(await dead.ResubmitAsync("again", letter.SequenceNumber, Token));

            Assert.Equal([id], await inventory.MessageIdsAsync("again", 10, Token));
        }
    }

    [Fact]
    public async Task ScheduleAsync_ThenCancel_TellsWhetherItWasInTime()
    {
        var number = await Sender.ScheduleAsync("schedule", Message("s"), DateTimeOffset.UtcNow.AddMinutes(5), Token);

        Assert.Equal(1, (await CountAsync("schedule")).Scheduled);
        Assert.True(await Sender.CancelScheduledAsync("schedule", number, Token));
        Assert.False(await Sender.CancelScheduledAsync("schedule", number, Token));
        Assert.Equal(0, (await CountAsync("schedule")).Scheduled);
    }

    [Fact]
    public async Task SendAsync_WithScheduledEnqueueTime_IsNotReceivedBefore()
    {
        var at = DateTimeOffset.UtcNow.AddSeconds(1);
        await Sender.SendAsync("hold", Message("h") with { ScheduledEnqueueTime = at }, Token);

        await using var receiver = Open("hold");
        Assert.NotNull(await receiver.ReceiveAsync(TimeSpan.FromSeconds(10), Token));
        Assert.True(DateTimeOffset.UtcNow >= at.AddMilliseconds(-20));
    }

    [Fact]
    public async Task AbandonAsync_UntilSpent_DeadLettersAndCountsIt()
    {
        await Sender.SendAsync("poison", Message("p"), Token);
        await using var receiver = Open("poison");
        for (var delivery = 1; delivery <= 3; delivery++)
        {
            var message = await receiver.ReceiveAsync(Wait, Token);
            Assert.Equal(delivery, message?.DeliveryCount);
            Assert.True(await receiver.AbandonAsync(message!, Token));
        }

        var counts = await CountAsync("poison");
        Assert.Equal((0, 1), (counts.Active, counts.DeadLettered));
        await using var dead = Open("poison" + QueueNames.DeadLetterSuffix);
        Assert.Equal("MaxDeliveryCountExceeded", (await dead.ReceiveAsync(Wait, Token))?.ApplicationProperties["DeadLetterReason"]);
    }

    [Fact]
    public async Task DeadLetterAsync_WithReason_KeepsIt()
    {
        await Sender.SendAsync("dead", Message("d"), Token);
        await using var receiver = Open("dead");

        Assert.True(await receiver.DeadLetterAsync((await receiver.ReceiveAsync(Wait, Token))!, "unreadable", "version 7", Token));

        await using var dead = Open("dead" + QueueNames.DeadLetterSuffix);
        var message = await dead.ReceiveAsync(Wait, Token);
        Assert.Equal("unreadable", message?.ApplicationProperties["DeadLetterReason"]);
        Assert.Equal("version 7", message?.ApplicationProperties["DeadLetterErrorDescription"]);
    }

    [Fact]
    public async Task CompleteAsync_AfterTheLockRanOut_IsFalseAndTheMessageComesAgain()
    {
        await Sender.SendAsync("lost", Message("l"), Token);
        await using var receiver = Open("lost");
        var first = await receiver.ReceiveAsync(Wait, Token);

        var second = await receiver.ReceiveAsync(Wait, Token); // the lock is 6 s

        Assert.Equal(2, second?.DeliveryCount);
        Assert.False(await receiver.CompleteAsync(first!, Token));
        Assert.Null(await receiver.RenewLockAsync(first!, Token));
        Assert.True(await receiver.CompleteAsync(second!, Token));
    }

    [Fact]
    public async Task RenewLockAsync_InTime_KeepsTheMessage()
    {
        await Sender.SendAsync("renew", Message("r"), Token);
        await using var receiver = Open("renew");
        var message = (await receiver.ReceiveAsync(Wait, Token))!;
        for (var i = 0; i < 3; i++)
        {
            await Task.Delay(3000, Token);
            Assert.NotNull(await receiver.RenewLockAsync(message, Token));
        }

        Assert.True(await receiver.CompleteAsync(message, Token));
    }

    [Fact]
    public async Task DisposeAsync_WithMessagesReceivedAhead_GivesThemBack()
    {
        await Sender.SendBatchAsync("ahead", [.. Enumerable.Range(0, 5).Select(i => Message($"m{i}"))], Token);
        await using (var ahead = Open("ahead", prefetch: 5))
        {
            Assert.NotNull(await ahead.ReceiveAsync(Wait, Token));
        }

        await using var receiver = Open("ahead");
        var got = new HashSet<string>();
        while (got.Count < 5 && await receiver.ReceiveAsync(Wait, Token) is { } message)
        {
            got.Add(message.MessageId);
            await receiver.CompleteAsync(message, Token);
        }

        Assert.Equal(5, got.Count);
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
        await using var services = BusClients.Create(tested.Bus, o => o with { OperationTimeout = TimeSpan.FromSeconds(2) });

        var e = await Assert.ThrowsAsync<BusUnavailableException>(
            () => services.GetRequiredService<IBusSender>().SendAsync("no-such-queue", Message("x"), Token));

        Assert.Contains("no-such-queue", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SendAsync_WithAWrongKey_IsRefusedWithinTheTimeLimit()
    {
        await using var services = BusClients.Create(
            tested.Bus, o => o with { SharedAccessKey = "d3Jvbmc=", OperationTimeout = TimeSpan.FromSeconds(2) });

        var e = await Assert.ThrowsAsync<BusUnavailableException>(
            () => services.GetRequiredService<IBusSender>().SendAsync("send", Message("x"), Token));

        Assert.Contains("token", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SendAsync_BeyondTheLifeOfAToken_GoesOnBecauseItIsRenewed()
    {
        await using var services = BusClients.Create(tested.Bus, o => o with { TokenLifetime = TimeSpan.FromSeconds(3) });
        var sender = services.GetRequiredService<IBusSender>();
        await sender.SendAsync("token", Message("t0"), Token);
        await Task.Delay(TimeSpan.FromSeconds(5), Token);

        // A new link needs a token that is in force.
        await using var receiver = services.GetRequiredService<IBusReceiverFactory>().OpenReceiver("token", 0);
        Assert.Equal("t0", (await receiver.ReceiveAsync(Wait, Token))?.MessageId);
    }

    private IBusReceiver Open(string queue, int prefetch = 0) => _services.GetRequiredService<IBusReceiverFactory>().OpenReceiver(queue, prefetch);

    private Task<QueueCounts> CountAsync(string queue) => _services.GetRequiredService<IBusMonitor>().CountAsync(queue, Token);

    private static BusMessage Message(string id) => new(id, Encoding.UTF8.GetBytes("body of " + id));

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    public sealed class TestedBus : IAsyncLifetime
    {
        private static readonly string[] Queues =
            ["send", "twice", "batch", "schedule", "hold", "poison", "dead", "lost", "renew", "ahead", "oldest", "token", "inventory", "again"];

        public LocalBusProcess Bus { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Bus = await LocalBusProcess.StartAsync(
            ["--lock-duration", "00:00:06", "--max-deliveries", "3", .. Queues.SelectMany(q => new[] { "--queue", q })]);

        public ValueTask DisposeAsync() => Bus.DisposeAsync();
    }
}
