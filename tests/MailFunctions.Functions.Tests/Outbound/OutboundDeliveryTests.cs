using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>Alarms, leases, retries and reports to the sender, over ports in memory and a clock that the tests move.</summary>
public sealed partial class OutboundDeliveryTests
{
    private const string MessageId = "01939f5a-0000-7000-8000-000000000001";
    private const string Blob = $"2026/11/23/{MessageId}.eml";

    private readonly SetTime _time = new();
    private readonly MemoryJobs _jobs = new();
    private readonly MemoryBus _bus = new();
    private readonly MemoryStore _store = new();
    private readonly MemoryTraces _traces = new();
    private readonly RelayOptions _options = new() { HostName = "mail.example.test" };
    private readonly RelayLog _log = new();
    private DestinationLimits? _limits;

    public OutboundDeliveryTests() => _store.Blobs[Blob] = "Received: by us\r\nSubject: Hello\r\n\r\nBody\r\n"u8.ToArray();

    [Fact]
    public async Task Process_EveryRecipientTaken_EndsTheJobAndTellsNobody()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Relayed, "2.0.0", "250 2.0.0 Taken"));
        await PutAsync("a@one.test", "b@one.test");

        Assert.Equal(AttemptOutcome.Done, await ProcessAsync(relay));

        Assert.Equal(JobState.Done, Row.State);
        Assert.Empty(Row.Recipients);
        Assert.Contains(Row.Id, _jobs.Released);
        Assert.Equal(["relayed a@one.test", "relayed b@one.test"], _traces.Rows.Select(r => $"{r.Kind} {r.Address}").Order());
        Assert.Empty(_bus.Inbound);
        Assert.Empty(_bus.Outbound);
    }

    [Fact]
    public async Task Process_SomeDeferred_KeepsThemAloneAndSetsTheNextAlarm()
    {
        var relay = new FakeRelay(job =>
        [
            .. Answer(job with { Recipients = [job.Recipients[0]] }, ResultKind.Relayed, "2.0.0", "250 OK"),
            .. Answer(job with { Recipients = [job.Recipients[1]] }, ResultKind.Deferred, "4.2.0", "451 4.2.0 Later"),
        ]);
        await PutAsync("a@one.test", "b@one.test");

        Assert.Equal(AttemptOutcome.Deferred, await ProcessAsync(relay));

        Assert.Equal(["b@one.test"], Row.Recipients.Select(r => r.Address));
        Assert.Equal((2, 1, "451 4.2.0 Later"), (Row.Generation, Row.Attempts, Row.LastReply));
        Assert.InRange(Row.NextAttempt - _time.Now, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1.2));
        var alarm = Assert.Single(_bus.Outbound);
        Assert.Equal(Row.NextAttempt, alarm.ScheduledEnqueueTime);
        Assert.Equal(2, Assert.Single(_bus.Alarms).Generation);
    }

    [Fact]
    public async Task Process_PeerThatDefersAndThenTakes_LogsTheDeferralAlone()
    {
        string? reply = "451 4.2.0 <a@one.test> greylisted, token [2303]";
        await using var mta = new ScriptedMta { Script = line => line.StartsWith("RCPT", StringComparison.Ordinal) ? reply : null };
        var options = _options with
        {
            Routes = [new RelayRoute("*", new RelayHost("127.0.0.1", mta.Port, RelayTls.Opportunistic, null, null))],
        };
        var relay = TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), _store);
        await PutAsync("a@one.test", "b@one.test");
        _time.Now += TimeSpan.FromSeconds(90);

        Assert.Equal(AttemptOutcome.Deferred, await ProcessAsync(relay));
        reply = null;
        Assert.Equal(AttemptOutcome.Done, await ProcessAsync(relay, Row.Generation));

        Assert.Equal(
            $"2303 Message {MessageId} to one.test is deferred 1 minutes after it was accepted: 2 recipients, reply 451 "
            + $"4.2.0, next attempt {Next(0):u}",
            Assert.Single(_log.Lines));
        Assert.Equal(2, mta.Messages.SelectMany(m => m.Recipients).Count());
    }

    [Fact]
    public async Task Process_PeerThatNeverAnswers_LogsThatThereWasNoReply()
    {
        await PutAsync("a@one.test");

        await ProcessAsync(new FakeRelay(job => Answer(job, ResultKind.Deferred, "4.4.1", "451.one.test can't be reached")));

        Assert.Contains(": 1 recipients, reply none 4.4.1, next attempt ", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ResultKind.Relayed, "2.0.0", "250 OK")]
    [InlineData(ResultKind.Failed, "5.1.1", "550 5.1.1 No such user")]
    public async Task Process_NobodyLeft_LogsNoDeferral(string kind, string status, string reply)
    {
        await PutAsync("a@one.test");

        Assert.Equal(AttemptOutcome.Done, await ProcessAsync(new FakeRelay(job => Answer(job, kind, status, reply))));

        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task Process_AStaleGeneration_IsDropped()
    {
        var relay = new FakeRelay(_ => throw new InvalidOperationException("Nothing may be sent."));
        var job = await PutAsync("a@one.test");
        await _jobs.PutAsync(job with { Generation = 5 }, CancellationToken.None);

        Assert.Equal(AttemptOutcome.Stale, await ProcessAsync(relay, generation: 1));
        Assert.Equal(0, relay.Attempts);
    }

    [Fact]
    public async Task Process_TwoFunctionsAtOnce_SendOnce()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Relayed, "2.0.0", "250 OK"));
        await PutAsync("a@one.test");
        AttemptOutcome? second = null;
        relay.During = async () => second = await ProcessAsync(relay);

        Assert.Equal(AttemptOutcome.Done, await ProcessAsync(relay));

        Assert.Equal(1, relay.Attempts);
        Assert.Equal(AttemptOutcome.Leased, second);
        Assert.True(Assert.Single(_bus.Outbound).ScheduledEnqueueTime > _time.Now); // due again should the first invocation die
    }

    [Fact]
    public async Task Process_BothReadTheRowBeforeEitherLeasedIt_SendOnce()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Relayed, "2.0.0", "250 OK"));
        await PutAsync("a@one.test");
        AttemptOutcome? quicker = null;
        _jobs.BeforeReplace = async _ =>
        {
            _jobs.BeforeReplace = null;
            quicker = await ProcessAsync(relay);
        };

        Assert.Equal(AttemptOutcome.Conflict, await ProcessAsync(relay));

        Assert.Equal(AttemptOutcome.Done, quicker);
        Assert.Equal(1, relay.Attempts);
    }

    [Fact]
    public async Task Process_CrashedBehindTheAttempt_TellsWithoutSendingAgain()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Failed, "5.1.1", "550 5.1.1 No such user"));
        await PutAsync("a@one.test");
        _store.Failures = 1; // the report can't be made
        await Assert.ThrowsAsync<Core.Messages.StoreUnavailableException>(() => ProcessAsync(relay));
        Assert.Empty(_bus.Inbound);

        Assert.Equal(AttemptOutcome.Done, await ProcessAsync(relay));
        Assert.Equal(AttemptOutcome.Done, await ProcessAsync(relay)); // and once more: the same report is the same message

        Assert.Equal(1, relay.Attempts);
        Assert.Single(_bus.Inbound);
        Assert.Single(_traces.Rows);
    }

    [Fact]
    public async Task Process_PutOnHoldDuringTheAttempt_StaysOnHoldWithTheResults()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Deferred, "4.2.0", "451 Later"));
        await PutAsync("a@one.test");
        relay.During = () => _jobs.PutAsync(Row with { State = JobState.Held, Generation = 7 }, CancellationToken.None);

        await ProcessAsync(relay);

        Assert.Equal((JobState.Held, 1), (Row.State, Row.Attempts));
        Assert.Empty(_bus.Outbound);
        Assert.Empty(_log.Lines); // nobody tries it again
    }

    [Fact]
    public async Task Process_EnoughAreAtTheDestination_RingsAgainSoonAndLeavesTheRow()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Relayed, "2.0.0", "250 OK"));
        await PutAsync("a@one.test");
        _limits = new DestinationLimits(_options with { MaxConnections = 1 }, _time, new Random(1));
        var other = (Permit.Granted)_limits.Enter("one.test", isLast: false);

        Assert.Equal(AttemptOutcome.Waiting, await ProcessAsync(relay));

        Assert.Equal((0, 1, 0), (Row.Attempts, Row.Generation, relay.Attempts));
        var alarm = Assert.Single(_bus.Outbound);
        Assert.InRange(alarm.ScheduledEnqueueTime!.Value - _time.Now, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3));
        _limits.Leave(other, []);
        Assert.Equal(AttemptOutcome.Done, await ProcessAsync(relay));
    }

    [Fact]
    public async Task Process_DestinationThatAskedForLess_IsLeftAloneWithoutAnAttempt()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Deferred, "4.7.0", "421 4.7.0 Too much", "mx.one.test"));
        await PutAsync(new OutboundRecipient { Address = "a@one.test", Notify = "DELAY" });
        await ProcessAsync(relay);
        await _jobs.PutAsync(Row with { NextAttempt = _time.Now }, CancellationToken.None);

        Assert.Equal(AttemptOutcome.Deferred, await ProcessAsync(relay, Row.Generation));

        Assert.Equal((1, 1, 3, JobState.Queued), (relay.Attempts, Row.Attempts, Row.Generation, Row.State));
        Assert.InRange(Row.NextAttempt - _time.Now, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1.2));
        Assert.Equal("421 4.7.0 Too much", Row.LastReply);
        Assert.Equal(2, _traces.Rows.Count(r => r.Kind == "deferred"));

        // Nothing is ever taken: the sender hears of the delay, and in the end of the failure; nobody is forgotten.
        var accepted = Row.ReceivedAt;
        while (await ProcessAsync(relay, Row.Generation) == AttemptOutcome.Deferred)
        {
            Assert.InRange(Row.NextAttempt - _time.Now, TimeSpan.FromSeconds(1), TimeSpan.FromHours(5));
            _time.Now = Row.NextAttempt;
        }

        Assert.Equal(TimeSpan.FromDays(5), _time.Now - accepted);
        Assert.Equal(JobState.Done, Row.State);
        Assert.Single(_bus.Inbound);
    }

    private OutboundJob Row => Assert.Single(_jobs.Rows.Values);

    private DateTimeOffset Next(int alarm) => _bus.Outbound[alarm].ScheduledEnqueueTime!.Value;

    private Task<OutboundJob> PutAsync(params string[] recipients) =>
        PutAsync([.. recipients.Select(r => new OutboundRecipient { Address = r })]);

    private Task<OutboundJob> PutAsync(OutboundRecipient recipient, string mailFrom = "alice@example.test", string? ret = null) =>
        PutAsync([recipient], mailFrom, ret);

    private async Task<OutboundJob> PutAsync(
        IReadOnlyList<OutboundRecipient> recipients, string mailFrom = "alice@example.test", string? ret = null) =>
        (await _jobs.PutAsync(
            new OutboundJob
            {
                Id = MessageId + "-x",
                Domain = "one.test",
                MessageId = MessageId,
                Blob = Blob,
                Size = _store.Blobs[Blob].Length,
                MailFrom = new ReversePath { Address = mailFrom, Envid = "envelope-7", Ret = ret },
                ReceivedAt = _time.Now,
                Recipients = recipients,
                NextAttempt = _time.Now,
            },
            CancellationToken.None))!;

    private IReadOnlyList<RecipientResult> Answer(OutboundJob job, string kind, string status, string reply, string? host = null) =>
        [.. job.Recipients.Select(r => new RecipientResult(r with { LastReply = reply }, kind, status, reply, host, _time.Now))];

    private Task<AttemptOutcome> ProcessAsync(IRelay relay, int generation = 1) => TestedDelivery.Create(
        new MemoryPorts(_jobs, _bus, _store, _traces, _time) { DeliveryLog = _log, ReportingLog = _log },
        relay,
        _limits ??= new DestinationLimits(_options, _time, new Random(1)),
        _options,
        new Random(1)).ProcessAsync(new OutboundAlarm { Job = MessageId + "-x", Domain = "one.test", Generation = generation },
        TestContext.Current.CancellationToken);
}
