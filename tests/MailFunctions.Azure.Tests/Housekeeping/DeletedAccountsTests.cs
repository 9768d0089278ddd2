using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using Xunit;

namespace MailFunctions.Azure.Tests.Housekeeping;

/// <summary>Between a restore and the purge of a deleted account's mail one wins, and the other knows.</summary>
public sealed class DeletedAccountsTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private readonly HousekeepingBench _bench = new(azurite.ConnectionString);

    private static CancellationToken Token => CancellationToken.None;

    [Fact]
    public async Task List_OfAnAddressThatHadSeveral_IsThoseThatNobodyHasNow()
    {
        var first = await DeletedAsync();
        _bench.Time.Advance(TimeSpan.FromDays(2));
        var second = await DeletedAsync(first.Address);
        var present = second with { MailboxId = TestStorage.NewMailboxId(), ETag = "" };
        await _bench.Directory.PutEntryAsync(present, Token);
        await _bench.Retired.RetireAsync(present, Token); // and then its deletion failed

        var listed = await _bench.Retired.ListAsync(first.Address, 10, Token);

        Assert.Equal([second.MailboxId, first.MailboxId], listed.Select(m => m.MailboxId));
        Assert.Equal(_bench.Time.GetUtcNow() + HousekeepingBench.Retention, listed[0].KeptUntil);
        Assert.Empty(await _bench.Retired.ListAsync(EmailAddress.Parse("other@" + first.Address.Domain)!, 10, Token));
    }

    [Fact]
    public async Task Keep_JustBeforeTheRetentionEnds_KeepsTheMailForAnotherOne()
    {
        var account = await DeletedAsync();
        var message = await _bench.Storage.DeliverAsync(account.MailboxId, "text\r\n"u8.ToArray());
        _bench.Time.Advance(HousekeepingBench.Retention - TimeSpan.FromMinutes(1));

        Assert.True(await _bench.Retired.KeepAsync(account.Address, account.MailboxId, Token));

        _bench.Time.Advance(HousekeepingBench.Retention - TimeSpan.FromMinutes(1));
        await _bench.RunAsync();
        Assert.Single(await _bench.Storage.RowsAsync(account.MailboxId, "msg:"));
        _bench.Time.Advance(TimeSpan.FromDays(2));
        await _bench.RunAsync();
        Assert.Empty(await _bench.Storage.RowsAsync(account.MailboxId));
        Assert.False(await _bench.Storage.HasBlobAsync(message.Blob));
        Assert.Empty(await _bench.Retired.ListAsync(account.Address, 10, Token));
    }

    [Fact]
    public async Task Keep_AfterThePurgeHasBegun_ComesTooLate()
    {
        var account = await DeletedAsync();
        var held = await _bench.Storage.DeliverAsync(account.MailboxId, "held\r\n"u8.ToArray());
        _bench.InBus = [held.MessageId]; // so that this run can't end it
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(2));
        await _bench.RunAsync();
        Assert.NotEmpty(await _bench.Storage.RowsAsync(account.MailboxId, "msg:"));

        Assert.False(await _bench.Retired.KeepAsync(account.Address, account.MailboxId, Token));
        Assert.Empty(await _bench.Retired.ListAsync(account.Address, 10, Token));
        Assert.False(await _bench.Retired.KeepAsync(account.Address, "unknown", Token));

        _bench.InBus = [];
        await _bench.RunAsync();
        Assert.Empty(await _bench.Storage.RowsAsync(account.MailboxId));
    }

    [Fact]
    public async Task Keep_BetweenThePurgesLookAndItsWork_Wins()
    {
        var account = await DeletedAsync();
        await _bench.Storage.DeliverAsync(account.MailboxId, "text\r\n"u8.ToArray());
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(2));
        var kept = false;
        _bench.Storage.Watch.Before(
            r => r.Uri.AbsolutePath.Contains("/directory(", StringComparison.Ordinal),
            async () => kept = await _bench.Retired.KeepAsync(account.Address, account.MailboxId, Token));

        await _bench.Accounts.RunAsync(Token);

        Assert.True(kept);
        Assert.Single(await _bench.Storage.RowsAsync(account.MailboxId, "msg:"));
        Assert.Single(await _bench.Retired.ListAsync(account.Address, 10, Token));
    }

    [Fact]
    public async Task KeepAndPurge_AtOnce_OneOfThemWins()
    {
        for (var i = 0; i < 12; i++)
        {
            var account = await DeletedAsync();
            await _bench.Storage.DeliverAsync(account.MailboxId, "text\r\n"u8.ToArray());
            _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(2));

            var keeping = _bench.Retired.KeepAsync(account.Address, account.MailboxId, Token);
            await Task.WhenAll(keeping, _bench.Accounts.RunAsync(Token));
            await _bench.Accounts.RunAsync(Token);

            Assert.Equal(await keeping ? 1 : 0, (await _bench.Storage.RowsAsync(account.MailboxId, "msg:")).Count);
        }
    }

    [Fact]
    public async Task Purge_OfOneThatWasToBeDeletedBefore_CountsFromItsDeletion()
    {
        var account = await DeletedAsync();
        await _bench.Storage.DeliverAsync(account.MailboxId, "text\r\n"u8.ToArray());
        _bench.Time.Advance(TimeSpan.FromDays(10));
        await _bench.Retired.RetireAsync(account, Token);

        _bench.Time.Advance(TimeSpan.FromDays(13)); // 23 days after the first note
        await _bench.RunAsync();

        Assert.Single(await _bench.Storage.RowsAsync(account.MailboxId, "msg:"));
        _bench.Time.Advance(TimeSpan.FromDays(2));
        await _bench.RunAsync();
        Assert.Empty(await _bench.Storage.RowsAsync(account.MailboxId));
    }

    [Fact]
    public async Task Copy_InAnotherMailbox_OutlivesThePurgeOfTheFirst()
    {
        var account = await DeletedAsync();
        var message = await _bench.Storage.DeliverAsync(account.MailboxId, "text\r\n"u8.ToArray());
        var other = TestStorage.NewMailboxId();
        Assert.IsType<DeliveryResult.Delivered>(await _bench.Storage.Delivery().DeliverAsync(other, message with { Uid = 0 }, null, Token));
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(2));

        await _bench.RunAsync();

        Assert.Empty(await _bench.Storage.RowsAsync(account.MailboxId));
        Assert.Equal([other], await _bench.Storage.ReferencesAsync(message.MessageId));
        Assert.True(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    private async Task<AccountEntry> DeletedAsync(EmailAddress? address = null)
    {
        var account = new AccountEntry
        {
            Address = address ?? EmailAddress.Parse($"x@{TestStorage.NewDomain()}")!,
            MailboxId = TestStorage.NewMailboxId(),
            CreatedAt = _bench.Time.GetUtcNow(),
        };
        await _bench.Retired.RetireAsync(account, Token);
        return account;
    }
}
