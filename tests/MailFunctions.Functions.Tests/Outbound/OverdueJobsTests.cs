using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>The duty that finds jobs whose alarm was lost.</summary>
public sealed class OverdueJobsTests
{
    private readonly SetTime _time = new();
    private readonly MemoryJobs _jobs = new();
    private readonly MemoryBus _bus = new();

    [Fact]
    public async Task Run_LateJob_GetsANewGenerationAndAnAlarmAtOnce()
    {
        await PutAsync("late", j => j with { NextAttempt = _time.Now - TimeSpan.FromMinutes(11) });
        await PutAsync("soon", j => j);

        Assert.Equal(1, await RunAsync());

        Assert.Equal((2, _time.Now), (_jobs.Rows["late"].Generation, _jobs.Rows["late"].NextAttempt));
        Assert.Equal(("late", 2), (Assert.Single(_bus.Alarms).Job, _bus.Alarms[0].Generation));
        Assert.Equal(0, await RunAsync()); // it is not late any more
    }

    [Fact]
    public async Task Run_JobUnderWayOrOnHold_IsLeftAlone()
    {
        await PutAsync(
            "leased",
            j => j with { NextAttempt = _time.Now - TimeSpan.FromMinutes(11), LeasedUntil = _time.Now + TimeSpan.FromMinutes(1) });
        await PutAsync("held", j => j with { NextAttempt = _time.Now - TimeSpan.FromMinutes(11), State = JobState.Held });

        Assert.Equal(0, await RunAsync());
        Assert.Empty(_bus.Outbound);
    }

    [Fact]
    public async Task Run_DoneForLongEnough_IsRemoved()
    {
        await PutAsync("old", j => j with { State = JobState.Done, ChangedAt = _time.Now - TimeSpan.FromDays(3) });
        await PutAsync("new", j => j with { State = JobState.Done, ChangedAt = _time.Now });

        Assert.Equal(1, await RunAsync());
        Assert.Equal(["new"], _jobs.Rows.Keys);
    }

    [Fact]
    public async Task Run_WithManyThatAreDone_FindsTheLateOneAndRemovesThemAll()
    {
        for (var i = 0; i < 2500; i++)
        {
            await PutAsync($"old{i}", j => j with { State = JobState.Done, ChangedAt = _time.Now - TimeSpan.FromDays(3) });
        }

        await PutAsync("late", j => j with { NextAttempt = _time.Now - TimeSpan.FromMinutes(11) });

        Assert.Equal(2501, await RunAsync());
        Assert.Equal(["late"], _jobs.Rows.Keys);
        Assert.Single(_bus.Alarms);
    }

    private Task<int> RunAsync() => new OverdueJobs(_jobs, _bus, _time).RunAsync(TestContext.Current.CancellationToken);

    private Task<OutboundJob?> PutAsync(string id, Func<OutboundJob, OutboundJob> change) => _jobs.PutAsync(
        change(new OutboundJob
        {
            Id = id,
            Domain = "one.test",
            MessageId = "m",
            Blob = "b",
            Size = 1,
            MailFrom = new ReversePath { Address = "alice@example.test" },
            ReceivedAt = _time.Now,
            Recipients = [new OutboundRecipient { Address = "a@one.test" }],
            NextAttempt = _time.Now,
        }),
        CancellationToken.None);
}
