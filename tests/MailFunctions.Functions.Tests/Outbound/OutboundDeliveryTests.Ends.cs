using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.OutboundJobs;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>Whatever happens in an attempt, it is counted, and every job has an end.</summary>
public sealed partial class OutboundDeliveryTests
{
    public static TheoryData<Exception, string> Unexpected => new()
    {
        { new InvalidOperationException("secret words"), "the attempt failed (InvalidOperationException)" },
        { new FormatException("secret words"), "the attempt failed (FormatException)" },
        { new StoreUnavailableException("secret words"), "the attempt failed (StoreUnavailableException)" },
        { new OperationCanceledException(), "the function was stopped during the attempt" },
    };

    [Theory]
    [MemberData(nameof(Unexpected), DisableDiscoveryEnumeration = true)]
    public async Task Process_AttemptThatThrows_IsACountedDeferralWithAReason(Exception thrown, string reason)
    {
        var relay = new FakeRelay(_ => throw thrown);
        _limits = new DestinationLimits(_options with { MaxConnections = 1 }, _time, new Random(1));
        await PutAsync("a@one.test", "b@one.test");

        Assert.Equal(AttemptOutcome.Deferred, await ProcessAsync(relay));

        Assert.Equal((1, 2, reason, JobState.Queued, 2), (Row.Attempts, Row.Generation, Row.LastReply, Row.State, Row.Recipients.Count));
        Assert.Null(Row.LeasedUntil);
        Assert.Equal(Row.NextAttempt, Assert.Single(_bus.Outbound).ScheduledEnqueueTime);
        Assert.IsType<Permit.Granted>(_limits.Enter("one.test", isLast: false)); // its place is free again
        Assert.DoesNotContain(_log.Lines, l => l.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Process_EveryAttemptThrows_EndsWithTheJobsTimeAndAReport()
    {
        await PutAsync("a@one.test");

        await RingToTheEndAsync(new FakeRelay(_ => throw new InvalidOperationException()), Row.ReceivedAt);

        Assert.Equal((JobState.Done, 1), (Row.State, _bus.Inbound.Count));
    }

    [Fact]
    public async Task Process_ProcessThatDiesInEveryAttempt_EndsWithTheJobsTimeAndAReport()
    {
        var accepted = (await PutAsync("a@one.test")).ReceivedAt;
        OutboundJob? killed = null;
        var relay = new FakeRelay(job => Answer(job, ResultKind.Relayed, "2.0.0", "250 OK"));
        relay.During = () => Task.FromResult(killed = Row);

        var attempts = 0;
        for (var alarms = 0; Row.State == JobState.Queued && alarms < 1000; alarms++)
        {
            await ProcessAsync(relay, Row.Generation);
            if (killed is not null)
            {
                // The process is gone: of what it did behind the lease nothing was done.
                (_jobs.Rows[killed.Id], _time.Now, killed, attempts) = (killed, killed.LeasedUntil!.Value, null, attempts + 1);
                Assert.Equal(attempts, Row.Attempts);
                continue;
            }

            _time.Now = Row.NextAttempt > _time.Now ? Row.NextAttempt : _time.Now;
        }

        Assert.Equal((JobState.Done, 1), (Row.State, _bus.Inbound.Count));
        Assert.InRange(attempts, 10, 50); // 7 waits, and then every four hours for five days
        Assert.InRange(_time.Now - accepted, TimeSpan.FromDays(5), TimeSpan.FromDays(5.1));
    }

    [Theory]
    [InlineData(-1, ResultKind.Relayed)] // what is asked for is an attempt, and not the deferral of the one that died
    [InlineData(1, null)] // another function's
    public async Task Process_RetriedByThePostmasterWithALease_AttemptsWhereItRanOut(int minutes, string? kind)
    {
        var job = await PutAsync("a@one.test");
        var retried = JobAction.Release.Change(job with { LeasedUntil = _time.Now.AddMinutes(minutes) }, _time.Now, false);
        _jobs.Rows[job.Id] = retried;

        await ProcessAsync(new FakeRelay(j => Answer(j, ResultKind.Relayed, "2.0.0", "250 OK")));

        Assert.Equal(kind, Row.Results.SingleOrDefault()?.Kind);
    }

    [Fact]
    public async Task Process_LimitsThatLetNothingPass_EndsAnHourBehindTheJobsTime()
    {
        var relay = new FakeRelay(_ => throw new InvalidOperationException("Nothing may be sent."));
        var accepted = (await PutAsync("a@one.test")).ReceivedAt;
        _limits = new DestinationLimits(_options with { MaxConnections = 1 }, _time, new Random(1));
        _limits.Enter("one.test", isLast: false);

        _time.Now = accepted + TimeSpan.FromDays(5);
        Assert.Equal(AttemptOutcome.Waiting, await ProcessAsync(relay));
        _time.Now += TimeSpan.FromHours(1);
        Assert.Equal(AttemptOutcome.Done, await ProcessAsync(relay));

        Assert.Equal((JobState.Done, 1, 0), (Row.State, _bus.Inbound.Count, relay.Attempts));
    }

    [Theory]
    [InlineData(ResultKind.Failed, AttemptOutcome.Done)]
    [InlineData(ResultKind.Deferred, AttemptOutcome.Deferred)]
    public async Task Process_ReportThatCantBeMade_KeepsTheJobForAnHourOnly(string kind, object end)
    {
        var relay = new FakeRelay(job => Answer(job, kind, "5.1.1", "550 5.1.1 No"));
        await PutAsync("a@one.test");
        _traces.Fault = new FormatException("a fault of ours");

        await Assert.ThrowsAsync<FormatException>(() => ProcessAsync(relay));
        _time.Now += TimeSpan.FromMinutes(59);
        await Assert.ThrowsAsync<FormatException>(() => ProcessAsync(relay));
        _time.Now += TimeSpan.FromMinutes(1);

        Assert.Equal(end, await ProcessAsync(relay));
        Assert.Contains(_log.Lines, l => l.StartsWith("2305 ", StringComparison.Ordinal));
        Assert.Equal(1, relay.Attempts);
    }

    private async Task RingToTheEndAsync(FakeRelay relay, DateTimeOffset accepted)
    {
        for (var alarms = 0; Row.State == JobState.Queued && alarms < 1000; alarms++)
        {
            await ProcessAsync(relay, Row.Generation);
            Assert.Equal(alarms + 1, Row.Attempts);
            _time.Now = Row.NextAttempt > _time.Now ? Row.NextAttempt : _time.Now;
        }

        Assert.InRange(_time.Now - accepted, TimeSpan.FromDays(5), TimeSpan.FromDays(5.1));
    }
}
