using System.Net;
using System.Text;
using System.Text.Json;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Queues;
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
        var later = new BusMessage("later-" + Guid.NewGuid(), "{}"u8.ToArray())
        {
            ScheduledEnqueueTime = DateTimeOffset.UtcNow.AddHours(1),
        };
        await Sender.SendAsync(QueueNames.Outbound, later, Token);

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
        var (first, second, third) =
            (await DeadLetterAsync("first", "why"), await DeadLetterAsync("second", "why"), await DeadLetterAsync("third", "other"));
        var (_, list) = await api.GetAsync($"queues/{QueueNames.Inbound}/dead-letters?reason=why");
        var letters = list.GetProperty("items")
            .EnumerateArray().ToDictionary(l => l.GetProperty("busMessageId").GetString()!, l => l.GetProperty("sequence").GetInt64());
        Assert.Equal([first, second], letters.Keys.Order());

        Assert.Equal(
            HttpStatusCode.NoContent,
            (await api.SendAsync(HttpMethod.Post, $"queues/{QueueNames.Inbound}/dead-letters/{letters[second]}/resubmit")).Status);
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await api.SendAsync(HttpMethod.Delete, $"queues/{QueueNames.Inbound}/dead-letters/{letters[first]}")).Status);

        await using var receiver = api.Bus.CreateReceiver(QueueNames.Inbound);
        var again = await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(30), Token);
        Assert.Equal("body of second", again.Body.ToString());
        await receiver.CompleteMessageAsync(again, Token);
        Assert.Equal([third], await NamesAsync());
        Assert.Equal(
            HttpStatusCode.NotFound,
            (await api.SendAsync(HttpMethod.Delete, $"queues/{QueueNames.Inbound}/dead-letters/{letters[first]}")).Status);

        var (_, done) = await api.SendAsync(HttpMethod.Post, $"queues/{QueueNames.Inbound}/dead-letters/resubmit?reason=other");
        Assert.Equal(1, done.GetProperty("done").GetInt32());
        Assert.Empty(await NamesAsync());
        again = await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(30), Token);
        Assert.Equal("body of third", again.Body.ToString());
        await receiver.CompleteMessageAsync(again, Token); // nothing is left for the next test
    }

    [Fact]
    public async Task DeadLetters_DeletedByReason_AreThoseOfTheReasonOnly()
    {
        await DeadLetterAsync("gone-1", "broken");
        await DeadLetterAsync("gone-2", "broken");
        var stays = await DeadLetterAsync("stays", "other reason");

        Assert.Equal(
            HttpStatusCode.BadRequest, (await api.SendAsync(HttpMethod.Delete, $"queues/{QueueNames.Inbound}/dead-letters")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.SendAsync(HttpMethod.Delete, "queues/none/dead-letters?reason=broken")).Status);
        var (_, done) = await api.SendAsync(HttpMethod.Delete, $"queues/{QueueNames.Inbound}/dead-letters?reason=broken");

        Assert.Equal((2, false), (done.GetProperty("done").GetInt32(), done.GetProperty("more").GetBoolean()));
        Assert.Equal([stays], await NamesAsync());
        await api.SendAsync(HttpMethod.Delete, $"queues/{QueueNames.Inbound}/dead-letters?reason=other%20reason");
    }

    [Fact]
    public async Task DeadLetters_WhoseDeliveriesAreSpent_ShowTheTrueReasonAndTheirDeliveries()
    {
        var id = MessageName.NewId(DateTimeOffset.UtcNow);
        var envelope = Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(
            new InboundEnvelope
            {
                Id = id,
                ReceivedAt = DateTimeOffset.UtcNow,
                Listener = ListenerKind.Mx,
                Client = new ClientInfo("192.0.2.1", null, null, null),
                MailFrom = new ReversePath { Address = "" },
                Recipients = [new EnvelopeRecipient { Address = "lost@example.test" }],
                Size = 1,
                Blob = MessageName.BlobFor(id, DateTimeOffset.UtcNow),
            },
            EnvelopeJson.Default.InboundEnvelope));
        await api.Services.GetRequiredService<ITraceWriter>().WriteAsync(
            [
                new TraceEvent { MessageId = id, At = DateTimeOffset.UtcNow, Kind = TraceKind.Accepted, Detail = "fine" },
                new TraceEvent
                {
                    MessageId = id,
                    At = DateTimeOffset.UtcNow.AddSeconds(1),
                    Kind = TraceKind.Unreadable,
                    Detail = "the message is not in the store",
                },
            ],
            Token);
        var job = await api.Services.GetRequiredService<IOutboundJobs>()
            .PutAsync(Job("gone.test", id) with { LastReply = "451 4.7.1 not today" }, Token);
        await SpendAsync(QueueNames.Inbound, "spent-1", envelope);
        await SpendAsync(
            QueueNames.Inbound, "spent-2", envelope.Replace("{\"address\":\"lost@example.test\"}", "null", StringComparison.Ordinal));
        await SpendAsync(QueueNames.Outbound, "spent-3", Encoding.UTF8.GetString(OutboundAlarm.For(job!, DateTimeOffset.UtcNow).Body.Span));

        var (_, inbound) = await api.GetAsync($"queues/{QueueNames.Inbound}/dead-letters?reason=MaxDeliveryCountExceeded&top=2");
        var (_, outbound) = await api.GetAsync($"queues/{QueueNames.Outbound}/dead-letters");

        Assert.Equal(
            [
                "10 DeliveryFailed the message is not in the store",
                "10 Malformed A recipient is no address.",
                "10 DeliveryFailed 451 4.7.1 not today",
            ],
            inbound.GetProperty("items").EnumerateArray().Concat(outbound.GetProperty("items").EnumerateArray())
                .Select(l => string.Join(
                    ' ', ((string[])["deliveryCount", "reason", "description"]).Select(n => l.GetProperty(n).ToString()))));
        Assert.Null(inbound.GetProperty("continuation").GetString()); // there is no third one
        Assert.Equal(id, inbound.GetProperty("items")[0].GetProperty("messageId").GetString());

        // One behind another: looking for it is no delivery of the first.
        var second = inbound.GetProperty("items")[1].GetProperty("sequence").GetInt64();
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await api.SendAsync(HttpMethod.Delete, $"queues/{QueueNames.Inbound}/dead-letters/{second}")).Status);
        var (_, left) = await api.GetAsync($"queues/{QueueNames.Inbound}/dead-letters?reason=DeliveryFailed");
        Assert.Equal(10, Assert.Single(left.GetProperty("items").EnumerateArray()).GetProperty("deliveryCount").GetInt32());
        foreach (var queue in QueueRoutes.Names)
        {
            var (_, done) = await api.SendAsync(HttpMethod.Delete, $"queues/{queue}/dead-letters?reason=DeliveryFailed");
            Assert.Equal(1, done.GetProperty("done").GetInt32());
        }
    }

    /// <summary>Ten deliveries that fail.</summary>
    private async Task SpendAsync(string queue, string name, string body)
    {
        await Sender.SendAsync(queue, new BusMessage(name + Guid.NewGuid(), Encoding.UTF8.GetBytes(body)), Token);
        await using var receiver = api.Bus.CreateReceiver(queue);
        for (var delivery = 1; delivery <= QueueNames.MaxDeliveries; delivery++)
        {
            while (await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(30), Token) is { } message)
            {
                if (message.MessageId.StartsWith(name, StringComparison.Ordinal))
                {
                    await receiver.AbandonMessageAsync(message, cancellationToken: Token);
                    break;
                }

                await receiver.CompleteMessageAsync(message, Token); // of another test of this class, which is over
            }
        }
    }

    [Fact]
    public async Task Jobs_ByDomain_AreHeldPageByPageReleasedAndCancelled()
    {
        var domain = TestedApi.NewName() + ".test";
        var jobs = api.Services.GetRequiredService<IOutboundJobs>();
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            var job = Job(domain, $"{domain}-{i}");
            // The last is done, the one before is under way.
            Assert.NotNull(await jobs.PutAsync(job with
            {
                State = i == 4 ? JobState.Done : JobState.Queued,
                LeasedUntil = i == 3 ? DateTimeOffset.UtcNow.AddHours(1) : null,
            }, Token));
            ids.Add(job.Id);
        }

        var (held, skipped, continuation) = (0, 0, "");
        do
        {
            var (status, page) =
                await api.SendAsync(
                    HttpMethod.Post, $"queues/outbound/jobs/hold?domain={domain}&top=2&continuation={Uri.EscapeDataString(continuation)}");
            Assert.Equal(HttpStatusCode.OK, status);
            (held, skipped) = (held + page.GetProperty("done").GetInt32(), skipped + page.GetProperty("skipped").GetInt32());
            continuation = page.GetProperty("continuation").GetString() ?? "";
        }
        while (continuation.Length > 0);

        Assert.Equal((4, 0), (held, skipped)); // also the one under way, and done ones are not looked for
        Assert.Equal(ids[..4], await JobsAsync(domain, JobState.Held));
        var (_, released) = await api.SendAsync(HttpMethod.Post, $"queues/outbound/jobs/release?domain={domain}&state=held");
        Assert.Equal(4, released.GetProperty("done").GetInt32());
        var (_, cancelled) = await api.SendAsync(HttpMethod.Post, $"queues/outbound/jobs/cancel?domain={domain}&state=queued&report=true");
        Assert.Equal((3, 1), (cancelled.GetProperty("done").GetInt32(), cancelled.GetProperty("skipped").GetInt32()));
        Assert.Equal(ids[..3], await JobsAsync(domain, JobState.Reporting));
        Assert.Equal(ids[..3], await JobsAsync(domain, "telling")); // the word of the release before
        var (_, reporting) = await api.GetAsync($"queues/outbound/jobs/{ids[0]}");
        Assert.Equal("reporting", reporting.GetProperty("state").GetString());
        var reported = await jobs.FindAsync(domain, ids[0], Token);
        Assert.Equal((ResultKind.Failed, 4), (Assert.Single(reported!.Results).Kind, reported.Generation));
    }

    [Theory]
    [InlineData("retry")]
    [InlineData("cancel?report=true")]
    [InlineData("cancel?domain=x.test&report=perhaps")]
    [InlineData("hold?domain=a..b")]
    [InlineData("hold?state=odd")]
    [InlineData("release?domain=x.test&top=0")]
    public async Task Jobs_ByAFilterThatSaysNothing_AreLeftAlone(string path) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await api.SendAsync(HttpMethod.Post, "queues/outbound/jobs/" + path)).Status);

    private async Task<List<string>> JobsAsync(string domain, string state)
    {
        var (_, list) = await api.GetAsync($"queues/outbound/jobs?domain={domain}&state={state}");
        return [.. list.GetProperty("items").EnumerateArray().Select(j => j.GetProperty("id").GetString()!)];
    }

    private static OutboundJob Job(string domain, string id) => new()
    {
        Id = id,
        Domain = domain,
        MessageId = id,
        Blob = $"2026/01/01/{id}.eml",
        Size = 1,
        MailFrom = new ReversePath { Address = "a@example.test" },
        ReceivedAt = DateTimeOffset.UtcNow,
        Recipients = [new OutboundRecipient { Address = "b@" + domain }],
        NextAttempt = DateTimeOffset.UtcNow.AddHours(1),
    };

    private async Task<List<string?>> NamesAsync()
    {
        var (_, list) = await api.GetAsync($"queues/{QueueNames.Inbound}/dead-letters");
        return [.. list.GetProperty("items").EnumerateArray().Select(l => l.GetProperty("busMessageId").GetString())];
    }

    private async Task<string> DeadLetterAsync(string name, string reason)
    {
        await Sender.SendAsync(QueueNames.Inbound, new BusMessage(name, Encoding.UTF8.GetBytes("body of " + name)), Token);
        await using var receiver = api.Bus.CreateReceiver(QueueNames.Inbound);
        var message = await receiver.ReceiveMessageAsync(TimeSpan.FromSeconds(30), Token);
        await receiver.DeadLetterMessageAsync(message, reason, "because", Token);
        return name;
    }
}
