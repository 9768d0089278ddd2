using System.Net;
using MailFunctions.Core.Messages;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Protocols.Tests.Limits;

/// <summary>Who gets the memory of messages when there is not enough for all.</summary>
public sealed class MessageMemoryTests
{
    private const long KiB = 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly ManualTime _time = new();

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1", 100)] // one client
    [InlineData("192.0.2.1", "192.0.2.99", 200)] // one network
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 100)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:99::1", 200)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", 100)]
    [InlineData("192.0.2.1", "198.51.100.1", 300)] // strangers to each other
    public void TryTake_OfTwoClients_IsBoundedByTheirShares(string one, string other, long together)
    {
        var memory = Memory(all: 1000);
        using var first = memory.Open(IPAddress.Parse(one));
        using var second = memory.Open(IPAddress.Parse(other));
        var taken = 0L;
        while (taken < 300 && ((taken / 10 % 2 == 0 && first.TryTake(10)) || second.TryTake(10) || first.TryTake(10)))
        {
            taken += 10;
        }

        // Two clients of 100 each are bounded by them first.
        Assert.Equal(Math.Min(together, 200), taken);
        Assert.Equal(1000 - taken, memory.Free);
    }

    [Fact]
    public void TryTake_OfThreeClientsOfOneNetwork_IsBoundedByTheNetwork()
    {
        var memory = Memory(all: 1000);
        var rooms = Enumerable.Range(1, 3).Select(i => memory.Open(IPAddress.Parse($"192.0.2.{i}"))).ToList();
        Assert.Equal([true, true, false], rooms.Select(r => r.TryTake(90)));
        rooms[0].Release(90);
        Assert.True(rooms[2].TryTake(90));
        rooms.ForEach(r => r.Dispose());
    }

    /// <summary>Thousands that hold a little and bring nothing do not keep out one that brings something.</summary>
    [Fact]
    public async Task TakeAsync_WhileSilentOnesHoldAll_TheSlowestLeave()
    {
        var memory = new MessageMemory(new ByteBudget(100 * KiB), 100 * KiB, 100 * KiB, null, _time);
        var silent = Enumerable.Range(0, 50).Select(i => Silent(memory, $"198.51.{i}.1", octets: i)).ToList();
        _time.Advance(TimeSpan.FromMinutes(1));
        using var honest = memory.Open(IPAddress.Parse("192.0.2.1"));
        honest.EndWait(4 * KiB);
        Assert.False(honest.TryTake(4 * KiB));

        var taking = honest.TakeAsync(4 * KiB, TestContext.Current.CancellationToken).AsTask();
        _time.Advance(TimeSpan.FromMilliseconds(1)); // the timer that is due at once

        await taking.WaitAsync(Limit);
        Assert.Equal([0, 1], silent.Where(s => s.HasLeft).Select(s => s.Octets)); // as many as it takes
    }

    [Fact]
    public async Task TakeAsync_WhileAllComeInAlike_NoneLeavesAndItWaits()
    {
        var memory = new MessageMemory(new ByteBudget(100 * KiB), 100 * KiB, 100 * KiB, null, _time);
        var others = Enumerable.Range(0, 50).Select(i => Silent(memory, $"198.51.{i}.1", octets: 4096)).ToList();
        using var late = memory.Open(IPAddress.Parse("192.0.2.1"));
        late.EndWait(4096);

        var taking = late.TakeAsync(2 * KiB, TestContext.Current.CancellationToken).AsTask();
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.False(taking.IsCompleted);
        Assert.DoesNotContain(others, o => o.HasLeft);
        others[7].Leave();
        await taking.WaitAsync(Limit);
    }

    /// <summary>Silence of ours is not the client's: what waits for storage, or for room, is not slow.</summary>
    [Fact]
    public void Evict_OneThatDoesNotWaitForItsClient_IsLeftAlone()
    {
        var memory = new MessageMemory(new ByteBudget(2 * KiB), 2 * KiB, 2 * KiB, null, _time);
        using var working = memory.Open(IPAddress.Parse("198.51.100.1"));
        Assert.True(working.TryTake(2 * KiB));
        var left = false;
        working.Evicted = () => left = true;
        _time.Advance(TimeSpan.FromMinutes(5));
        using var other = memory.Open(IPAddress.Parse("192.0.2.1"));
        other.EndWait(1000 * KiB);

        var taking = other.TakeAsync(2 * KiB, TestContext.Current.CancellationToken).AsTask();
        _time.Advance(TimeSpan.FromSeconds(3));

        Assert.False(left);
        Assert.False(taking.IsCompleted);
    }

    private MessageMemory Memory(long all) => new(new ByteBudget(all), perClient: 100, perNetwork: 200, null, _time);

    private static Holder Silent(MessageMemory memory, string client, int octets)
    {
        var room = memory.Open(IPAddress.Parse(client));
        Assert.True(room.TryTake(2 * KiB));
        var holder = new Holder(room, octets);
        room.Evicted = holder.Leave;
        room.EndWait(octets);
        room.BeginWait();
        return holder;
    }

    private sealed class Holder(MessageRoom room, int octets)
    {
        public int Octets => octets;

        public bool HasLeft { get; private set; }

        public void Leave()
        {
            HasLeft = true;
            room.Release(2 * KiB);
            room.Dispose();
        }
    }
}
