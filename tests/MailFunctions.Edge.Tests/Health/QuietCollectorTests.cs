using MailFunctions.Edge.Health;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Health;

public sealed class QuietCollectorTests : IDisposable
{
    private const long Burst = QuietCollector.WorthOctets;
    private const long SmallHeap = QuietCollector.WorthOctets;

    private readonly QuietCollector _collector;
    private long _lives = SmallHeap;
    private int _sessions;
    private int _collections;
    private int _sweeps;

    public QuietCollectorTests() => _collector = new(TimeProvider.System, () => _sessions, compacting =>
    {
        _ = compacting ? _collections++ : _sweeps++;
        return _lives;
    });

    [Fact]
    public void A_burst_is_collected_once_after_it_is_over()
    {
        _collector.Look(Burst, SmallHeap);
        Assert.Equal(0, _collections); // it may still go on

        _collector.Look(Burst + QuietCollector.QuietOctets, SmallHeap);
        Assert.Equal(1, _collections);

        _collector.Look(Burst + (2 * QuietCollector.QuietOctets), SmallHeap);
        Assert.Equal(1, _collections);
    }

    [Fact]
    public void Work_under_way_is_left_alone()
    {
        for (var allocated = Burst; allocated < 50 * Burst; allocated += QuietCollector.QuietOctets + 1)
        {
            _collector.Look(allocated, SmallHeap);
        }

        Assert.Equal(0, _collections);
    }

    [Fact]
    public void The_trickle_of_a_quiet_edge_is_collected_only_when_it_is_worth_it()
    {
        for (var looks = 1; looks <= 2 * (Burst / QuietCollector.QuietOctets); looks++)
        {
            _collector.Look(looks * QuietCollector.QuietOctets, SmallHeap);
        }

        Assert.Equal(2, _collections);
    }

    [Fact]
    public void The_more_lives_the_more_there_must_be_to_gain()
    {
        const long heap = 10 * Burst;
        _collector.Look(Burst, heap);
        _collector.Look(Burst, heap);
        Assert.Equal(0, _collections);

        _collector.Look(5 * Burst, heap);
        _collector.Look(5 * Burst, heap);
        Assert.Equal(1, _collections);
    }

    [Fact]
    public void A_large_heap_of_garbage_is_given_back()
    {
        const long heap = 20 * QuietCollector.MaxCompactedOctets;
        _collector.Look(heap, heap);
        _collector.Look(heap, heap);

        Assert.Equal((1, 1), (_sweeps, _collections));
    }

    [Fact]
    public void A_large_heap_that_lives_is_swept_and_not_moved()
    {
        const long heap = QuietCollector.MaxCompactedOctets + 1;
        _lives = heap;
        _collector.Look(10 * heap, heap);
        _collector.Look(10 * heap, heap);
        _collector.Look(10 * heap, heap);

        Assert.Equal((1, 0), (_sweeps, _collections));
    }

    [Fact]
    public void Sessions_that_ended_are_worth_it_though_nothing_was_allocated_since()
    {
        const long heap = 4 * QuietCollector.MaxCompactedOctets;
        (_sessions, _lives) = (5000, heap);
        _collector.Look(heap, heap);
        _collector.Look(heap, heap);
        Assert.Equal((1, 0), (_sweeps, _collections));

        (_sessions, _lives) = (3, SmallHeap);
        _collector.Look(heap + QuietCollector.QuietOctets, heap);
        _collector.Look(heap + QuietCollector.QuietOctets, heap);
        Assert.Equal((2, 1), (_sweeps, _collections));
    }

    [Fact]
    public async Task It_looks_by_the_clock()
    {
        var time = new ManualTime();
        var collected = new TaskCompletionSource();
        using var collector = new QuietCollector(time, () => 0, _ =>
        {
            collected.TrySetResult();
            return 0;
        });
        await collector.StartAsync(TestContext.Current.CancellationToken);
        GC.KeepAlive(new byte[Burst]);
        for (var looks = 0; looks < 100 && !collected.Task.IsCompleted; looks++)
        {
            time.Advance(QuietCollector.LooksEvery);
            await Task.WhenAny(collected.Task, Task.Delay(100, TestContext.Current.CancellationToken));
        }

        Assert.True(collected.Task.IsCompleted);
        await collector.StopAsync(TestContext.Current.CancellationToken);
    }

    public void Dispose() => _collector.Dispose();
}
