using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Azure.Traces;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Traces;
using Xunit;

namespace MailFunctions.Azure.Tests.Housekeeping;

/// <summary>Blobs that were accepted and never announced go after two days; all others stay.</summary>
public sealed class OrphanBlobsTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private readonly HousekeepingBench _bench = new(azurite.ConnectionString);

    [Fact]
    public async Task Run_WhenTheDayIsTwoDaysPast_RemovesOrphansOnly()
    {
        var (orphan, _) = await UploadAsync();
        var (traced, tracedId) = await UploadAsync();
        await new TraceTable(_bench.Storage.Tables).WriteAsync(
            [new TraceEvent { MessageId = tracedId, At = _bench.Time.GetUtcNow(), Kind = TraceKind.Accepted }], CancellationToken.None);
        var (refused, refusedId) = await UploadAsync();
        await new TraceTable(_bench.Storage.Tables).WriteAsync(
            [new TraceEvent { MessageId = refusedId, At = _bench.Time.GetUtcNow(), Kind = TraceKind.Refused }], CancellationToken.None);
        var (held, heldId) = await UploadAsync();
        var (delivered, deliveredId) = await UploadAsync();
        await _bench.Storage.Delivery().DeliverAsync(
            TestStorage.NewMailboxId(), TestStorage.NewEntry() with
            {
                MessageId = deliveredId,
                Blob = delivered,
            }, null, CancellationToken.None);
        _bench.InBus = [heldId];

        _bench.Time.Advance(TimeSpan.FromDays(2.5)); // its day ended less than two days ago
        Assert.Equal(0, await _bench.Orphans.RunAsync(CancellationToken.None));
        _bench.Time.Advance(TimeSpan.FromDays(0.5));
        var (late, _) = await UploadAsync();
        await Task.WhenAll(_bench.Orphans.RunAsync(CancellationToken.None), _bench.Orphans.RunAsync(CancellationToken.None));
        await _bench.Orphans.RunAsync(CancellationToken.None);

        Assert.False(await _bench.Storage.HasBlobAsync(orphan));
        Assert.False(await _bench.Storage.HasBlobAsync(refused)); // it was answered with 451
        Assert.True(await _bench.Storage.HasBlobAsync(traced));
        Assert.True(await _bench.Storage.HasBlobAsync(held));
        Assert.True(await _bench.Storage.HasBlobAsync(delivered));
        Assert.True(await _bench.Storage.HasBlobAsync(late));

        // A dead letter that the postmaster throws away leaves its blob to the next run.
        await _bench.Unreferenced.RunAsync(CancellationToken.None);
        Assert.True(await _bench.Storage.HasBlobAsync(held));
        _bench.InBus = [];
        await _bench.Unreferenced.RunAsync(CancellationToken.None);
        Assert.False(await _bench.Storage.HasBlobAsync(held));

        // Later folders are reached in their time, without going through the earlier ones again.
        var before = _bench.Storage.Watch.Count(r => r.Uri.Query.Contains("comp=list", StringComparison.Ordinal));
        _bench.Time.Advance(TimeSpan.FromDays(3));
        await _bench.Orphans.RunAsync(CancellationToken.None);
        Assert.False(await _bench.Storage.HasBlobAsync(late));
        Assert.Equal(3, _bench.Storage.Watch.Count(r => r.Uri.Query.Contains("comp=list", StringComparison.Ordinal)) - before);
    }

    private async Task<(string Blob, string Id)> UploadAsync()
    {
        var id = MessageName.NewId(_bench.Time.GetUtcNow());
        var blob = MessageName.BlobFor(id, _bench.Time.GetUtcNow());
        await using var upload = _bench.Storage.Store().BeginUpload(blob);
        await upload.WriteAsync("text\r\n"u8.ToArray(), CancellationToken.None);
        await upload.CommitAsync(CancellationToken.None);
        return (blob, id);
    }
}
