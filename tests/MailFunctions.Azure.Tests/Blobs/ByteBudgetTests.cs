using MailFunctions.Core.Messages;
using Xunit;

namespace MailFunctions.Azure.Tests.Blobs;

public sealed class ByteBudgetTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task TakeAsync_ByManyAtOnce_NeverExceedsTheBudgetAndServesAll()
    {
        var budget = new ByteBudget(1000);
        long taken = 0, most = 0, served = 0;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 500; i++)
            {
                var amount = random.Next(1, 1001);
                if (i % 3 != 0 || !budget.TryTake(amount))
                {
                    await budget.TakeAsync(amount, CancellationToken.None);
                }

                InterlockedMax(ref most, Interlocked.Add(ref taken, amount));
                if (i % 5 == 0)
                {
                    await Task.Yield();
                }

                Interlocked.Add(ref taken, -amount);
                budget.Release(amount);
                Interlocked.Increment(ref served);
            }
        }))).WaitAsync(Limit);

        Assert.InRange(most, 1, 1000);
        Assert.Equal(16 * 500, served);
        Assert.Equal(1000, budget.Free);
    }

    [Fact]
    public async Task TakeAsync_OfMuchBehindLittle_IsServedBeforeThoseThatCameLater()
    {
        var budget = new ByteBudget(10);
        Assert.True(budget.TryTake(6));

        var much = budget.TakeAsync(8, CancellationToken.None).AsTask();
        var little = budget.TakeAsync(3, CancellationToken.None).AsTask();

        Assert.False(budget.TryTake(1)); // would fit, and would starve the one that waits
        Assert.False(little.IsCompleted);
        budget.Release(6);
        await much.WaitAsync(Limit);
        Assert.False(little.IsCompleted);
        budget.Release(8);
        await little.WaitAsync(Limit);
        Assert.Equal(7, budget.Free);
    }

    [Fact]
    public async Task TakeAsync_WhenTheFirstWaiterIsCancelled_ServesTheNextOne()
    {
        var budget = new ByteBudget(10);
        Assert.True(budget.TryTake(6));
        using var cancel = new CancellationTokenSource();
        var much = budget.TakeAsync(8, cancel.Token).AsTask();
        var little = budget.TakeAsync(3, CancellationToken.None).AsTask();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => much.WaitAsync(Limit));
        await little.WaitAsync(Limit);
        Assert.Equal(1, budget.Free);
    }

    [Fact]
    public async Task TakeAsync_CancelledWhileBeingGranted_LosesNothing()
    {
        var budget = new ByteBudget(10);
        for (var i = 0; i < 500; i++)
        {
            await budget.TakeAsync(10, CancellationToken.None);
            using var cancel = new CancellationTokenSource();
            var waiting = budget.TakeAsync(10, cancel.Token).AsTask();
            await Task.WhenAll(Task.Run(() => budget.Release(10)), Task.Run(cancel.Cancel)).WaitAsync(Limit);
            try
            {
                await waiting.WaitAsync(Limit);
                budget.Release(10);
            }
            catch (OperationCanceledException)
            {
                // Then it was not granted.
            }

            Assert.Equal(10, budget.Free);
        }
    }

    [Fact]
    public async Task TakeAsync_WaitingForLongerThanTheLongestWait_FailsAndServesTheNextOne()
    {
        var budget = new ByteBudget(10, longestWait: TimeSpan.FromMilliseconds(50));
        Assert.True(budget.TryTake(6));

        await Assert.ThrowsAsync<TimeoutException>(() => budget.TakeAsync(8, CancellationToken.None).AsTask().WaitAsync(Limit));

        Assert.True(budget.TryTake(4));
        budget.Release(10);
        Assert.Equal(10, budget.Free);
    }

    [Fact]
    public async Task TakeAsync_OfMoreThanThereIsInAll_IsRefusedAtOnce()
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await new ByteBudget(10).TakeAsync(11, CancellationToken.None));
    }

    private static void InterlockedMax(ref long most, long value)
    {
        for (var seen = Interlocked.Read(ref most); value > seen; seen = Interlocked.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }
}
