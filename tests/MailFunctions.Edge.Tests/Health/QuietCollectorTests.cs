using MailFunctions.Edge.Health;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Health;

public sealed class QuietCollectorTests : IDisposable
{
    private const long Burst = QuietCollector.WorthOctets;
    private const long SmallHeap = QuietCollector.WorthOctets;

    private readonly QuietCollector _collector;
    private int _collections;

    public QuietCollectorTests() => _collector = new(TimeProvider.System, () => _collections++);

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
    public void A_heap_that_takes_long_to_collect_is_not()
    {
        const long heap = QuietCollector.MaxHeapOctets + 1;
        _collector.Look(10 * heap, heap);
        _collector.Look(10 * heap, heap);

        Assert.Equal(0, _collections);
    }

    [Fact]
    public async Task It_looks_by_the_clock()
    {
        var time = new ManualTime();
        var collected = new TaskCompletionSource();
        using var collector = new QuietCollector(time, () => collected.TrySetResult());
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
