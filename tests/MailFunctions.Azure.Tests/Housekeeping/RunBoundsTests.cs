using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;
using Xunit;

namespace MailFunctions.Azure.Tests.Housekeeping;

/// <summary>A run of a duty does a bounded part; those that follow do the rest, and each thing once.</summary>
public sealed class RunBoundsTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private readonly HousekeepingBench _bench = new(azurite.ConnectionString, things: 2);

    [Fact]
    public async Task Run_OfEachDuty_StopsAtItsBound_AndTheNextOneGoesOn()
    {
        var blobs = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            var id = TestStorage.NewMailboxId();
            var account = new AccountEntry { Address = EmailAddress.Parse($"{id}@example.test")!, MailboxId = id, ExpireAfterDays = 7 };
            await _bench.Directory.PutEntryAsync(account, CancellationToken.None);
            blobs.AddRange(await FetchAsync(account, 3));
        }

        _bench.Time.Advance(TimeSpan.FromDays(9));
        Assert.Equal([2, 2, 2, 0], await RunsAsync(_bench.Expired));

        // Rows of a mailbox go in transactions, which are not cut.
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(2));
        Assert.Equal([3, 3, 0], await RunsAsync(_bench.Deleted));

        foreach (var blob in blobs)
        {
            Assert.True(await _bench.Storage.HasBlobAsync(blob));
        }

        Assert.Equal([2, 2, 2, 0], await RunsAsync(_bench.Unreferenced));
        foreach (var blob in blobs)
        {
            Assert.False(await _bench.Storage.HasBlobAsync(blob));
        }
    }

    private async Task<List<string>> FetchAsync(AccountEntry account, int messages)
    {
        var blobs = new List<string>();
        for (var i = 0; i < messages; i++)
        {
            blobs.Add((await _bench.Storage.DeliverAsync(account.MailboxId, "text\r\n"u8.ToArray())).Blob);
        }

        await using var maildrop = await _bench.Storage.OpenAsync(account.MailboxId, _bench.Time, account.ExpireAfterDays);
        for (var uid = 1u; uid <= messages; uid++)
        {
            maildrop.MarkFetched(uid);
        }

        return blobs;
    }

    /// <summary>What run after run did, up to the first that did nothing.</summary>
    private static async Task<List<int>> RunsAsync(IHousekeepingTask duty)
    {
        var done = new List<int>();
        do
        {
            done.Add(await duty.RunAsync(CancellationToken.None));
        }
        while (done[^1] > 0 && done.Count < 20);

        return done;
    }
}
