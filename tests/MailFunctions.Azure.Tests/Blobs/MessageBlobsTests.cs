using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Messages;
using Xunit;

namespace MailFunctions.Azure.Tests.Blobs;

public sealed class MessageBlobsTests(AzuriteFixture azurite)
{
    private const int MiB = 1024 * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly TestStorage _storage = new(azurite.ConnectionString);
    private readonly string _blob = TestStorage.NewBlobName();

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(SegmentBuffer.SegmentOctets - 1, 0)]
    [InlineData(SegmentBuffer.SegmentOctets, 0)]
    [InlineData(SegmentBuffer.SegmentOctets + 1, 0)]
    [InlineData(MiB, 0)]
    [InlineData(MiB + 1, 2)]
    [InlineData((5 * MiB) + 17, 6)]
    public async Task Commit_OfAnySize_KeepsEveryOctetInTheFewestRequests(int size, int blocks)
    {
        var octets = TestStorage.RandomOctets(size);
        var budget = new ByteBudget(64 * MiB);
        var store = _storage.Store(budget);

        await UploadAsync(store, octets, pieces: 7919);

        Assert.Equal(blocks, _storage.Watch.Count(r => r.IsBlock));
        Assert.Equal(blocks + 1, _storage.Watch.Seen.Count); // the one PUT, or the list of blocks
        Assert.Equal(octets, await ReadAsync(store, 0));
        Assert.Equal(64 * MiB, budget.Free);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(2 * MiB)]
    public async Task Commit_WhenTheNameIsTaken_FailsAndKeepsWhatWasThere(int size)
    {
        var store = _storage.Store();
        await UploadAsync(store, [1, 2, 3]);

        var e = await Assert.ThrowsAsync<StoreUnavailableException>(() => UploadAsync(store, TestStorage.RandomOctets(size)));

        Assert.Contains("was there already", e.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], await ReadAsync(store, 0));
    }

    [Theory]
    [InlineData(10)]
    [InlineData((2 * MiB) + 5)]
    public async Task Commit_WhenItsAnswerWasLost_IsASuccess(int size)
    {
        var octets = TestStorage.RandomOctets(size);
        var store = _storage.Store();
        _storage.Watch.LoseAnswers(r => r.Method == "PUT" && !r.IsBlock);

        await UploadAsync(store, octets);

        Assert.Equal(2, _storage.Watch.Count(r => r.Method == "PUT" && !r.IsBlock));
        Assert.Equal(octets, await ReadAsync(store, 0));
    }

    [Fact]
    public async Task Commit_WhenABlockWasSentTwice_KeepsTheOctetsOnce()
    {
        var octets = TestStorage.RandomOctets((3 * MiB) + 5);
        var store = _storage.Store();
        _storage.Watch.LoseAnswers(r => r.IsBlock, times: 2);

        await UploadAsync(store, octets);

        Assert.Equal(6, _storage.Watch.Count(r => r.IsBlock));
        Assert.Equal(octets, await ReadAsync(store, 0));
    }

    [Fact]
    public async Task Commit_OfTwoUploadsUnderOneName_KeepsOneOfThemWhole()
    {
        var store = _storage.Store();
        var first = TestStorage.RandomOctets(2 * MiB);
        await using var upload = store.BeginUpload(_blob);
        await upload.WriteAsync(first, CancellationToken.None);
        await using var other = store.BeginUpload(_blob);
        await other.WriteAsync(TestStorage.RandomOctets(2 * MiB), CancellationToken.None);

        await upload.CommitAsync(CancellationToken.None);

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await other.CommitAsync(CancellationToken.None));
        Assert.Equal(first, await ReadAsync(store, 0));
    }

    [Fact]
    public async Task Dispose_WithoutACommit_LeavesNothingToRead()
    {
        var budget = new ByteBudget(16 * MiB);
        var store = _storage.Store(budget);
        var upload = store.BeginUpload(_blob);
        await upload.WriteAsync(TestStorage.RandomOctets(3 * MiB), CancellationToken.None);

        await upload.DisposeAsync();

        Assert.True(_storage.Watch.Count(r => r.IsBlock) > 0);
        Assert.Null(await store.OpenReadAsync(_blob, 0, CancellationToken.None));
        Assert.Equal(16 * MiB, budget.Free);
    }

    [Fact]
    public async Task WriteAsync_WhenBlocksDoNotArrive_SaysSoAndFreesTheBudget()
    {
        var budget = new ByteBudget(16 * MiB);
        var store = _storage.Store(budget);
        _storage.Watch.Refuse(r => r.IsBlock);

        await Assert.ThrowsAsync<StoreUnavailableException>(() => UploadAsync(store, TestStorage.RandomOctets(8 * MiB)));

        Assert.Equal(16 * MiB, budget.Free);
        Assert.Null(await store.OpenReadAsync(_blob, 0, CancellationToken.None));
    }

    [Fact]
    public async Task WriteAsync_WhileTheBudgetIsSpent_WaitsUntilThereIsRoom()
    {
        var budget = new ByteBudget(4 * SegmentBuffer.SegmentOctets);
        var store = _storage.Store(budget);
        Assert.True(budget.TryTake(4 * SegmentBuffer.SegmentOctets));
        var octets = TestStorage.RandomOctets(100_000);

        var upload = UploadAsync(store, octets);
        await Task.Delay(50);
        Assert.False(upload.IsCompleted);
        budget.Release(4 * SegmentBuffer.SegmentOctets);
        await upload.WaitAsync(Limit);

        Assert.Equal(octets, await ReadAsync(store, 0));
    }

    [Fact]
    public async Task WriteAsync_WhileTheBudgetStaysSpent_SaysThatThereIsNoRoom()
    {
        var budget = new ByteBudget(4 * SegmentBuffer.SegmentOctets, longestWait: TimeSpan.FromMilliseconds(50));
        Assert.True(budget.TryTake(4 * SegmentBuffer.SegmentOctets));

        await Assert.ThrowsAsync<NoRoomException>(() => UploadAsync(_storage.Store(budget), [1, 2, 3]).WaitAsync(Limit));

        Assert.Null(await _storage.Store().OpenReadAsync(_blob, 0, CancellationToken.None));
    }

    [Fact]
    public async Task WriteAsync_WhileAHundredOthersStandStill_FindsRoom()
    {
        var budget = new ByteBudget(64 * MiB, longestWait: TimeSpan.FromSeconds(5));
        var store = _storage.Store(budget);
        var piece = TestStorage.RandomOctets(32 * 1024);
        var idle = Enumerable.Range(0, 100).Select(_ => store.BeginUpload(TestStorage.NewBlobName())).ToList();
        foreach (var upload in idle)
        {
            for (var i = 0; i < 31; i++) // one piece short of a block
            {
                await upload.WriteAsync(piece, CancellationToken.None);
            }
        }

        var octets = TestStorage.RandomOctets(2 * MiB);
        await UploadAsync(store, octets).WaitAsync(Limit);

        Assert.Equal(octets, await ReadAsync(store, 0));
        foreach (var upload in idle)
        {
            await upload.DisposeAsync();
        }

        Assert.Equal(64 * MiB, budget.Free);
    }

    [Fact]
    public async Task WriteAsync_CancelledWhileItWaitsForRoom_EndsAndFreesTheBudget()
    {
        var budget = new ByteBudget(2 * SegmentBuffer.SegmentOctets);
        Assert.True(budget.TryTake(SegmentBuffer.SegmentOctets));
        using var cancel = new CancellationTokenSource();
        _storage.Watch.Refuse(r => r.IsBlock);
        var upload = _storage.Store(budget).BeginUpload(_blob);
        Assert.True(budget.TryTake(SegmentBuffer.SegmentOctets));

        var writing = upload.WriteAsync(TestStorage.RandomOctets(100), cancel.Token).AsTask();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(Limit));
        await upload.DisposeAsync();
        budget.Release(2 * SegmentBuffer.SegmentOctets);
        Assert.Equal(2 * SegmentBuffer.SegmentOctets, budget.Free);
    }

    [Fact]
    public async Task WriteAsync_OfEightLargeMessagesAtOnce_StaysWithinTheBudget()
    {
        const int Budget = 4 * MiB; // each upload alone would like three
        var budget = new ByteBudget(Budget);
        var store = _storage.Store(budget);
        var piece = TestStorage.RandomOctets(MiB / 4);
        var least = (long)Budget;

        var names = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            var name = TestStorage.NewBlobName();
            await using var upload = store.BeginUpload(name);
            for (var i = 0; i < 100; i++)
            {
                await upload.WriteAsync(piece, CancellationToken.None);
                least = Math.Min(least, budget.Free);
            }

            await upload.CommitAsync(CancellationToken.None);
            Assert.Equal(25 * MiB, upload.Length);
            return name;
        })).WaitAsync(Limit);

        Assert.InRange(least, 0, Budget / 2);
        Assert.Equal(Budget, budget.Free);
        foreach (var name in names)
        {
            await AssertRepeatsAsync(store, name, piece, 100);
        }
    }

    [Fact]
    public async Task OpenReadAsync_FromAnOffset_GivesTheRest()
    {
        var store = _storage.Store();
        await UploadAsync(store, [1, 2, 3, 4, 5]);

        Assert.Equal((byte[])[4, 5], await ReadAsync(store, 3));
        Assert.Empty(await ReadAsync(store, 5));
    }

    /// <summary>A reader tries again what the store could not give; a raw exception of the SDK would fail for good.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Read_WhenTheConnectionBreaksAgainAndAgain_SaysThatTheStoreIsAway(bool whole)
    {
        var store = _storage.Store();
        await UploadAsync(store, TestStorage.RandomOctets(100_000));
        _storage.Watch.CutBodies(r => r.Method == "GET");
        await using var content = await store.OpenReadAsync(_blob, 0, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => whole
            ? content!.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken)
            : content!.ReadExactlyAsync(new byte[50_000], TestContext.Current.CancellationToken).AsTask());
    }

    [Fact]
    public async Task Read_WhenTheConnectionBreaksOnce_GoesOn()
    {
        var store = _storage.Store();
        var octets = TestStorage.RandomOctets(100_000);
        await UploadAsync(store, octets);
        _storage.Watch.CutBodies(r => r.Method == "GET", times: 1);
        Assert.Equal(octets, await ReadAsync(store, 0));
    }

    [Fact]
    public async Task OpenReadAsync_WithoutABlob_IsNull()
    {
        Assert.Null(await _storage.Store().OpenReadAsync(_blob, 0, CancellationToken.None));
    }

    [Fact]
    public async Task OpenReadAsync_WithoutTheContainer_IsAFaultAndNoMissingMessage()
    {
        var store = new TestStorage(azurite.EmptyConnectionString).Store();

        var e = await Assert.ThrowsAsync<StoreUnavailableException>(() => store.OpenReadAsync(_blob, 0, CancellationToken.None));

        Assert.Contains("404 ContainerNotFound", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeleteAsync_Twice_SaysWhetherThereWasOne()
    {
        var store = _storage.Store();
        await UploadAsync(store, [1]);

        Assert.True(await store.DeleteAsync(_blob, CancellationToken.None));
        Assert.False(await store.DeleteAsync(_blob, CancellationToken.None));
        Assert.Null(await store.OpenReadAsync(_blob, 0, CancellationToken.None));
    }

    private async Task UploadAsync(MessageBlobs store, byte[] octets, int pieces = 64 * 1024)
    {
        await using var upload = store.BeginUpload(_blob);
        foreach (var piece in octets.Chunk(pieces))
        {
            await upload.WriteAsync(piece, CancellationToken.None);
        }

        Assert.Equal(octets.Length, upload.Length);
        await upload.CommitAsync(CancellationToken.None);
    }

    private async Task<byte[]> ReadAsync(MessageBlobs store, long offset)
    {
        await using var stream = await store.OpenReadAsync(_blob, offset, CancellationToken.None);
        var octets = new MemoryStream();
        await stream!.CopyToAsync(octets);
        return octets.ToArray();
    }

    private static async Task AssertRepeatsAsync(MessageBlobs store, string name, byte[] piece, int times)
    {
        await using var stream = await store.OpenReadAsync(name, 0, CancellationToken.None);
        var read = new byte[piece.Length];
        for (var i = 0; i < times; i++)
        {
            await stream!.ReadExactlyAsync(read);
            Assert.True(read.AsSpan().SequenceEqual(piece), $"Piece {i} of {name} is not what was written.");
        }

        Assert.Equal(0, await stream!.ReadAsync(read));
    }
}
