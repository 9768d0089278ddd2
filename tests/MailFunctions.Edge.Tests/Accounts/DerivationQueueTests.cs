using System.Net;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.TestKit;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Accounts;

/// <summary>The turns of derivations: bounded, fair among clients, refused early.</summary>
public sealed class DerivationQueueTests
{
    private static readonly IPAddress Guesser = IPAddress.Parse("198.51.100.1");
    private static readonly IPAddress Other = IPAddress.Parse("192.0.2.1");

    private readonly ManualTime _time = new();
    private readonly TaskCompletionSource _gate = new();
    private readonly List<string> _ran = [];

    /// <summary>100 made-up names of one client once held another user's login up for nine seconds.</summary>
    [Fact]
    public async Task TryRun_OneClientWithManyNames_AnotherClientsTurnIsTheNextButOne()
    {
        var queue = Queue(waiting: 200);
        var first = queue.TryRun(Guesser, Stranger("first"), Wait);
        var many = Enumerable.Range(0, 100).Select(i => queue.TryRun(Guesser, Stranger($"name{i}"), () => Note($"guess {i}"))).ToList();
        var other = queue.TryRun(Other, Stranger("bob"), () => Note("bob"));

        _gate.SetResult();
        await Task.WhenAll([first!, other!, .. many.OfType<Task<bool>>()]);

        Assert.InRange(_ran.IndexOf("bob"), 0, 1);
    }

    /// <summary>Guesses from many networks, each a client of its own.</summary>
    [Fact]
    public async Task TryRun_ManyClients_OneThatTheAccountKnowsDoesNotWaitForThem()
    {
        var queue = Queue(waiting: 200);
        var first = queue.TryRun(Guesser, Stranger("first"), Wait);
        var many = Enumerable.Range(0, 100)
            .Select(i => queue.TryRun(new IPAddress([203, 0, 113, (byte)i]), Stranger("alice" + i), () => Note($"guess {i}"))).ToList();
        var known = queue.TryRun(Other, new LoginSubject("alice", Other), () => Note("alice"));

        _gate.SetResult();
        await Task.WhenAll([first!, known!, .. many.OfType<Task<bool>>()]);

        Assert.InRange(_ran.IndexOf("alice"), 0, 1);
    }

    [Fact]
    public async Task TryRun_MoreThanMayWait_AreRefusedAtOnceAndOneClientNeverTakesAllRoom()
    {
        var queue = Queue(waiting: 10);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = queue.TryRun(Other, Stranger("first"), () => entered.TrySetResult() && Wait());
        await entered.Task;

        Assert.Equal(5, Enumerable.Range(0, 50).Count(i => queue.TryRun(Guesser, Stranger($"name{i}"), Wait) is not null));
        Assert.Equal(
            5,
            Enumerable.Range(0, 50)
                .Count(i => queue.TryRun(new IPAddress([203, 0, 113, (byte)i]), Stranger($"more{i}"), Wait) is not null));
        Assert.NotNull(queue.TryRun(Other, new LoginSubject("alice", Other), Wait)); // those have room of their own
        _gate.SetResult();
    }

    /// <summary>Half a second each, one at a time: two may be ahead of what may wait a second.</summary>
    [Fact]
    public async Task TryRun_WouldWaitLongerThanItMay_IsRefusedAtOnceAndAnotherClientIsNot()
    {
        var queue = Queue(waiting: 200, longestWait: TimeSpan.FromSeconds(1));
        await queue.TryRun(Guesser, Stranger("first"), () =>
        {
            _time.Advance(TimeSpan.FromSeconds(0.5));
            return true;
        })!;
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = queue.TryRun(Guesser, Stranger("second"), () => entered.TrySetResult() && Wait());
        await entered.Task;

        Assert.Equal(3, Enumerable.Range(0, 50).Count(i => queue.TryRun(Guesser, Stranger($"name{i}"), Wait) is not null));
        Assert.NotNull(queue.TryRun(Other, Stranger("bob"), Wait));
        _gate.SetResult();
    }

    [Fact]
    public void TryReserve_ManyPasswordsForOneAccount_OnlySomeWait()
    {
        var queue = Queue(waiting: 200);

        Assert.Equal(DerivationQueue.MaxForSubject, Enumerable.Range(0, 50).Count(_ => queue.TryReserve(Stranger("alice"))));
        Assert.True(queue.IsBusyWith(Stranger("alice")));
        Assert.True(queue.TryReserve(new LoginSubject("alice", Other)));

        queue.Release(Stranger("alice"));
        Assert.False(queue.IsBusyWith(Stranger("alice")));
    }

    /// <summary>A share below one processor is kept by pauses: 100 ms of work at a quarter of one are followed by 300 ms of none.</summary>
    [Fact]
    public async Task TryRun_ShareBelowOneProcessor_PausesInProportion()
    {
        var queue = Queue(waiting: 200, share: 0.25 / Environment.ProcessorCount);
        await queue.TryRun(Other, Stranger("alice"), () =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            return true;
        })!;
        var second = queue.TryRun(Other, Stranger("bob"), () => true)!;
        await UntilAsync(() => _time.TimersSet == 1);

        _time.Advance(TimeSpan.FromMilliseconds(299));
        Assert.False(second.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(await second.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task TryRun_WorkThrows_WaiterLearnsOfItAndTheNextOneRuns()
    {
        var queue = Queue(waiting: 200);

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => queue.TryRun<bool>(Other, Stranger("alice"), () => throw new InvalidOperationException())!);
        Assert.True(await queue.TryRun(Other, Stranger("alice"), () => true)!);
    }

    /// <summary>One worker, whatever machine this is.</summary>
    private DerivationQueue Queue(int waiting, double? share = null, TimeSpan? longestWait = null) => new(
        Options.Create(new LoginOptions
        {
            MaxWaiting = waiting,
            LongestWait = longestWait ?? TimeSpan.FromMinutes(5),
            ProcessorShare = share ?? 1.0 / Environment.ProcessorCount,
        }),
        _time);

    private static LoginSubject Stranger(string name) => new(name, null);

    private bool Wait()
    {
        _gate.Task.Wait(TimeSpan.FromSeconds(30));
        return true;
    }

    private bool Note(string what)
    {
        lock (_ran)
        {
            _ran.Add(what);
        }

        return true;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 3000 && !condition(); i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
