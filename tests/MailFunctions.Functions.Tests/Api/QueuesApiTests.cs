using System.Net;
using System.Text;
using MailFunctions.Core.Bus;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>Counts and dead letters over the local bus. The tests of this class run one after the other.</summary>
public sealed class QueuesApiTests(TestedApi api)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private IBusSender Sender => api.Services.GetRequiredService<IBusSender>();

    [Fact]
    public async Task Queues_WithMail_TellCountsAndTheAgeOfTheOldest()
    {
        await Sender.SendAsync(QueueNames.Outbound, new BusMessage("active-" + Guid.NewGuid(), "{}"u8.ToArray()), Token);
        await Sender.ScheduleAsync(QueueNames.Outbound, new BusMessage("later-" + Guid.NewGuid(), "{}"u8.ToArray()), DateTimeOffset.UtcNow.AddHours(1), Token);

        var (status, body) = await api.GetAsync("queues");

        Assert.Equal(HttpStatusCode.OK, status);
        var queue = body.GetProperty("items").EnumerateArray().Single(q => q.GetProperty("name").GetString() == QueueNames.Outbound);
        Assert.True(queue.GetProperty("active").GetInt64() >= 1);
        Assert.True(queue.GetProperty("scheduled").GetInt64() >= 1);
        Assert.InRange(queue.GetProperty("oldestAgeSeconds").GetDouble(), 0, 600);
    }

    [Fact]
    public async Task DeadLetters_ShownResubmittedAndDeleted_GoWhereTheyShould()
    {
        var (first, second, third) = (await DeadLetterAsync("first", "why"), await DeadLetterAsync("second", "why"), await DeadLetterAsync("third", "other"));
        var (_, list) = await api.GetAsync($"queues/{QueueNames.Inbound}/dead-letters?reason=why");
        var letters = list.GetProperty("items").EnumerateArray().ToDictionary(l => l.GetProperty("busMessageId").GetString()!, l => l.GetProperty("sequence").GetInt64());
        Assert.Equal([first, second], letters.Keys.Order());

        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Post, $"queues/{QueueNames.Inbound}/dead-letters/{letters[second]}/resubmit")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Delete, $"queues/{QueueNames.Inbound}/dead-letters/{letters[first]}")).Status);

        await using var receiver = api.Services.GetRequiredService<IBusReceiverFactory>().OpenReceiver(QueueNames.Inbound, 0);
        var again = await receiver.ReceiveAsync(TimeSpan.FromSeconds(5), Token);
        Assert.Equal("body of second", Encoding.UTF8.GetString(again!.Body.Span));
        Assert.True(await receiver.CompleteAsync(again, Token));
        Assert.Equal([third], await NamesAsync());
        Assert.Equal(HttpStatusCode.NotFound, (await api.SendAsync(HttpMethod.Delete, $"queues/{QueueNames.Inbound}/dead-letters/{letters[first]}")).Status);

        var (_, done) = await api.SendAsync(HttpMethod.Post, $"queues/{QueueNames.Inbound}/dead-letters/resubmit?reason=other");
        Assert.Equal(1, done.GetProperty("done").GetInt32());
        Assert.Empty(await NamesAsync());
    }

    private async Task<List<string?>> NamesAsync()
    {
        var (_, list) = await api.GetAsync($"queues/{QueueNames.Inbound}/dead-letters");
        return [.. list.GetProperty("items").EnumerateArray().Select(l => l.GetProperty("busMessageId").GetString())];
    }

    private async Task<string> DeadLetterAsync(string name, string reason)
    {
        await Sender.SendAsync(QueueNames.Inbound, new BusMessage(name, Encoding.UTF8.GetBytes("body of " + name)), Token);
        await using var receiver = api.Services.GetRequiredService<IBusReceiverFactory>().OpenReceiver(QueueNames.Inbound, 0);
        var message = await receiver.ReceiveAsync(TimeSpan.FromSeconds(5), Token);
        Assert.True(await receiver.DeadLetterAsync(message!, reason, "because", Token));
        return name;
    }
}
