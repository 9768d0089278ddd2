using System.Diagnostics;
using System.Text;
using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Mailboxes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Azure.Tests.Maildrops;

/// <summary>What a session has on its way before it is asked for, and the room that it takes from the others.</summary>
public sealed class ReadAheadTests(AzuriteFixture azurite)
{
    private readonly TestStorage _storage = new(azurite.ConnectionString);
    private readonly string _mailbox = TestStorage.NewMailboxId();

    [Theory]
    [InlineData(1)]
    [InlineData(-1)] // the newest first
    public async Task Read_OneAfterTheOther_AsksForEachBlobOnce_AndForRowsByTheHundred(int step)
    {
        const int Messages = 130;
        for (var i = 0; i < Messages; i++)
        {
            await _storage.DeliverAsync(_mailbox, Encoding.ASCII.GetBytes($"{i}\r\n"));
        }

        await using var maildrop = await _storage.OpenAsync(_mailbox);
        var before = _storage.Watch.Seen.Count;
        for (var uid = step > 0 ? 1 : Messages; uid is >= 1 and <= Messages; uid += step)
        {
            var next = Enumerable.Range(1, 16)
                .Select(i => uid + (i * step)).Where(u => u is >= 1 and <= Messages).Select(u => (uint)u).ToArray();
            Assert.Equal($"{uid - 1}\r\n", Encoding.ASCII.GetString((await TestStorage.ReadAsync(maildrop, (uint)uid, next))!));
        }

        var requests = _storage.Watch.Seen.Skip(before).ToList();
        Assert.Equal(Messages, requests.Count(r => r.Uri.AbsolutePath.EndsWith(".eml", StringComparison.Ordinal)));
        Assert.Equal(2, requests.Count(r => !r.Uri.AbsolutePath.EndsWith(".eml", StringComparison.Ordinal)));
    }

    /// <summary>Far from each other, so each row alone; and the client asks for what it said only in part.</summary>
    [Fact]
    public async Task Read_InNoOrder_HasRowsAndBlobsOnTheirWay_AndAsksForEachOnce()
    {
        var messages = new List<MailboxEntry>();
        for (var i = 0; i < 12; i++)
        {
            messages.Add(await DeliverOneAsync(_mailbox));
        }

        uint[] order = [7, 2, 11, 4, 12, 1];
        await using var maildrop = await _storage.OpenAsync(_mailbox);
        var before = _storage.Watch.Seen.Count;
        Assert.NotNull(await TestStorage.ReadAsync(maildrop, order[0], new LikelyNext(order.AsMemory(1), MessageRows.FirstRows)));
        foreach (var uid in order)
        {
            await UntilReadAsync(messages[(int)uid - 1], 1);
        }

        for (var i = 1; i < order.Length; i += 2)
        {
            Assert.NotNull(await TestStorage.ReadAsync(maildrop, order[i], new LikelyNext(order.AsMemory(i + 1), MessageRows.FirstRows)));
        }

        var requests = _storage.Watch.Seen.Skip(before).ToList();
        Assert.Equal(order.Length, requests.Count(IsBlobRead));
        Assert.Equal(order.Length, requests.Count(r => !IsBlobRead(r)));
    }

    [Fact]
    public async Task Read_InNoOrder_OfWhatIsNotThere_SaysSo()
    {
        await DeliverOneAsync(_mailbox);
        var lost = await DeliverOneAsync(_mailbox);
        await _storage.Store().DeleteAsync(lost.Blob, TestContext.Current.CancellationToken);
        uint[] order = [9, 2, 1];
        await using var maildrop = await _storage.OpenAsync(_mailbox);
        Assert.Null(await TestStorage.ReadAsync(maildrop, 9, new LikelyNext(order.AsMemory(1), MessageRows.FirstRows)));
        Assert.Null(await TestStorage.ReadAsync(maildrop, 2, new LikelyNext(order.AsMemory(2), MessageRows.FirstRows)));
        Assert.NotNull(await TestStorage.ReadAsync(maildrop, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3 * SegmentBuffer.SegmentOctets)] // of the sixteen, three have room
    public async Task Read_WhenReadingAheadHasNoRoom_AsksForEachBlobOnce(long room)
    {
        const int Messages = 20;
        for (var i = 0; i < Messages; i++)
        {
            await _storage.DeliverAsync(_mailbox, TestStorage.RandomOctets(SegmentBuffer.SegmentOctets));
        }

        await using var maildrop = await OpenAsync(_storage.Maildrops(readAhead: room), _mailbox);
        for (var uid = 1u; uid <= Messages; uid++)
        {
            var next = Enumerable.Range((int)uid + 1, 16).Where(u => u <= Messages).Select(u => (uint)u).ToArray();
            Assert.Equal(SegmentBuffer.SegmentOctets, (await TestStorage.ReadAsync(maildrop, uid, next))!.Length);
        }

        Assert.Equal(Messages, _storage.Watch.Count(IsBlobRead));
    }

    [Fact]
    public async Task Read_WhileAnIdleSessionHoldsAllRoom_GetsItAfterSomeSeconds()
    {
        var time = new ManualTime();
        var other = TestStorage.NewMailboxId();
        MailboxEntry[] idle = [await DeliverOneAsync(_mailbox), await DeliverOneAsync(_mailbox)];
        MailboxEntry[] busy = [await DeliverOneAsync(other), await DeliverOneAsync(other)];
        var maildrops = _storage.Maildrops(time, readAhead: SegmentBuffer.FirstOctets);
        await using var idleOne = await OpenAsync(maildrops, _mailbox);
        await using var busyOne = await OpenAsync(maildrops, other);
        await TestStorage.ReadAsync(idleOne, 1, 2);
        await UntilReadAsync(idle[1], 1);

        await TestStorage.ReadAsync(busyOne, 1, 2);
        Assert.Equal(0, ReadsOf(busy[1])); // the room is the other one's yet

        time.Advance(MessageReader.IdleAfter);
        await TestStorage.ReadAsync(busyOne, 1, 2);
        await UntilReadAsync(busy[1], 1);

        Assert.NotNull(await TestStorage.ReadAsync(idleOne, 2)); // opened again: it had been let go
        Assert.Equal(2, ReadsOf(idle[1]));
        Assert.NotNull(await TestStorage.ReadAsync(busyOne, 2));
        Assert.Equal(1, ReadsOf(busy[1]));
    }

    /// <summary>Across a network: a client that asks for a message after the other does not pay each wait.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)] // far from each other, as a client pipelines them
    public async Task Read_OneAfterTheOther_OfADistantStore_IsFourTimesAsFastAsOneReadAfterTheOther(bool near)
    {
        const int Messages = 64;
        var blobs = new List<string>();
        for (var i = 0; i < Messages; i++)
        {
            blobs.Add((await DeliverOneAsync(_mailbox)).Blob);
        }

        var store = new DistantStore(_storage.Store(), TimeSpan.FromMilliseconds(50));
        var bare = Stopwatch.GetTimestamp();
        foreach (var blob in blobs)
        {
            await using var content = await store.OpenReadAsync(blob, 0, TestContext.Current.CancellationToken);
            await content!.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
        }

        var bareTook = Stopwatch.GetElapsedTime(bare);
        await using var maildrop = await OpenAsync(_storage.Maildrops(store: store), _mailbox);
        var started = Stopwatch.GetTimestamp();
        for (var uid = 1; uid <= Messages; uid++)
        {
            var next = Enumerable.Range(uid + 1, 16).Where(u => u <= Messages).Select(u => (uint)u).ToArray();
            Assert.NotNull(
                await TestStorage.ReadAsync(maildrop, (uint)uid, new LikelyNext(next, near ? next.Length : MessageRows.FirstRows)));
        }

        var ratio = bareTook / Stopwatch.GetElapsedTime(started);
        Assert.True(ratio >= 4, $"The session was {ratio:0.0} times as fast.");
    }

    private static bool IsBlobRead(SeenRequest request) =>
        request.Method == "GET" && request.Uri.AbsolutePath.EndsWith(".eml", StringComparison.Ordinal);

    private int ReadsOf(MailboxEntry message) =>
        _storage.Watch.Count(r => r.Method == "GET" && r.Uri.AbsolutePath.EndsWith(message.Blob, StringComparison.Ordinal));

    /// <summary>Until it has been asked for, and a moment more in which it comes.</summary>
    private async Task UntilReadAsync(MailboxEntry message, int times)
    {
        for (var i = 0; i < 500 && ReadsOf(message) < times; i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal(times, ReadsOf(message));
        await Task.Delay(200, TestContext.Current.CancellationToken);
    }

    private Task<MailboxEntry> DeliverOneAsync(string mailbox) => _storage.DeliverAsync(mailbox, "text\r\n"u8.ToArray());

    private static async Task<IMaildrop> OpenAsync(MaildropTable maildrops, string mailbox) =>
        ((MaildropOpening.Opened)await maildrops.OpenAsync(TestStorage.AccountOf(mailbox), CancellationToken.None)).Maildrop;
}
