using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using Xunit;

namespace MailFunctions.Azure.Tests.Housekeeping;

/// <summary>What was deleted is there until the retention ends, and then it is gone, whatever happens in between.</summary>
public sealed class DeletedMailTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private static readonly TimeSpan AlmostTheRetention = HousekeepingBench.Retention - TimeSpan.FromHours(1);

    private readonly HousekeepingBench _bench = new(azurite.ConnectionString);
    private readonly string _mailbox = TestStorage.NewMailboxId();

    [Fact]
    public async Task Run_BeforeTheRetentionEnds_ChangesNothing()
    {
        var message = await DeliverAndDeleteAsync();
        _bench.Time.Advance(AlmostTheRetention);

        await _bench.RunAsync();

        Assert.Single(await _bench.Storage.RowsAsync(_mailbox, "del:"));
        Assert.Equal([_mailbox], await _bench.Storage.ReferencesAsync(message.MessageId));
        Assert.True(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    [Fact]
    public async Task Run_PastTheRetention_TakesRowsReferenceAndBlob_AndNothingElse()
    {
        var kept = await _bench.Storage.DeliverAsync(_mailbox, "kept\r\n"u8.ToArray());
        var message = await DeliverAndDeleteAsync();
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));

        await _bench.RunAsync();

        Assert.Empty(await _bench.Storage.RowsAsync(_mailbox, "del:"));
        Assert.Equal([MailboxRow.DeliveredKey(kept.MessageId)], (await _bench.Storage.RowsAsync(_mailbox, "id:")).Select(r => r.RowKey));
        Assert.Empty(await _bench.Storage.ReferencesAsync(message.MessageId));
        Assert.False(await _bench.Storage.HasBlobAsync(message.Blob));
        Assert.Single(await _bench.Storage.RowsAsync(_mailbox, "msg:"));
        Assert.True(await _bench.Storage.HasBlobAsync(kept.Blob));
    }

    [Fact]
    public async Task Run_WhenAllIsDone_ReadsNoMailboxAnyMore()
    {
        await DeliverAndDeleteAsync();
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(2));
        await _bench.RunAsync();
        var before = _bench.Storage.Watch.Seen.Count;

        await _bench.RunAsync();

        // One look at each of the three kinds of the index, one at the loose blobs.
        Assert.Equal(4, _bench.Storage.Watch.Seen.Count - before);
    }

    [Fact]
    public async Task Run_WhileAnotherMailboxHasTheMessage_KeepsItsBlob()
    {
        var message = await DeliverAndDeleteAsync();
        var other = TestStorage.NewMailboxId();
        await _bench.Storage.Delivery().DeliverAsync(other, message, null, CancellationToken.None);
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));

        await _bench.RunAsync();

        Assert.Empty(await _bench.Storage.RowsAsync(_mailbox, "del:"));
        Assert.Equal([other], await _bench.Storage.ReferencesAsync(message.MessageId));
        Assert.True(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    [Fact]
    public async Task Run_WhileTheBusStillHoldsTheMessage_WaitsForIt()
    {
        // Dead-lettered for another recipient: resubmitted, it must neither come twice here nor be gone there.
        var message = await DeliverAndDeleteAsync();
        _bench.InBus = [message.MessageId];
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));

        await _bench.RunAsync();

        Assert.Single(await _bench.Storage.RowsAsync(_mailbox, "del:"));
        Assert.True(await _bench.Storage.HasBlobAsync(message.Blob));
        Assert.IsType<DeliveryResult.AlreadyDelivered>(
            await _bench.Storage.Delivery().DeliverAsync(_mailbox, message, null, CancellationToken.None));

        _bench.InBus = [];
        await _bench.RunAsync();

        Assert.Empty(await _bench.Storage.RowsAsync(_mailbox, "del:"));
        Assert.False(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    [Fact]
    public async Task Run_WithMoreInTheBusThanCanBeLookedThrough_PurgesNothing()
    {
        var message = await DeliverAndDeleteAsync();
        _bench.InBus = null;
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));

        await _bench.RunAsync();

        Assert.Single(await _bench.Storage.RowsAsync(_mailbox, "del:"));
        Assert.True(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    [Theory]
    [InlineData("DELETE", "messages/")]
    [InlineData("DELETE", "references(")]
    [InlineData("POST", "$batch")]
    public async Task Run_CutOffAnywhere_IsFinishedByTheNext(string method, string path)
    {
        var message = await DeliverAndDeleteAsync();
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));
        foreach (var times in Enumerable.Range(0, 3))
        {
            var skip = times;
            _bench.Storage.Watch.Refuse(
                r => r.Method == method && r.Uri.AbsolutePath.Contains(path, StringComparison.Ordinal) && skip-- <= 0);
            try
            {
                await _bench.RunAsync();
            }
            catch (StoreUnavailableException)
            {
                // Cut off.
            }

            _bench.Storage.Watch.Heal();
        }

        await _bench.RunAsync();

        Assert.Empty(await _bench.Storage.RowsAsync(_mailbox, "del:"));
        Assert.Empty(await _bench.Storage.ReferencesAsync(message.MessageId));
        Assert.False(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    [Fact]
    public async Task Run_TwiceAtOnce_DoesItOnceAndWithoutFault()
    {
        var messages = new List<MailboxEntry>();
        for (var i = 0; i < 60; i++)
        {
            messages.Add(await _bench.Storage.DeliverAsync(_mailbox, "text\r\n"u8.ToArray()));
        }

        await _bench.DeleteAsync(_mailbox, [.. messages.Select(m => m.Uid)]);
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));

        await Task.WhenAll(_bench.RunAsync(), _bench.RunAsync());
        await _bench.RunAsync();

        Assert.Equal(["state"], (await _bench.Storage.RowsAsync(_mailbox)).Select(r => r.RowKey));
        foreach (var message in messages)
        {
            Assert.Empty(await _bench.Storage.ReferencesAsync(message.MessageId));
            Assert.False(await _bench.Storage.HasBlobAsync(message.Blob));
        }
    }

    [Fact]
    public async Task UnreferencedBlobs_OfAMessageRestoredAfterAPurgeWasCutOff_LeavesIt()
    {
        var message = await DeliverAndDeleteAsync();
        await _bench.References.NoteAsync(
            [new UnreferencedBlob(message.MessageId, message.Blob, _mailbox, message.Uid)], CancellationToken.None);
        Assert.Equal(message.Uid + 1, await _bench.Storage.Archive().RestoreAsync(_mailbox, message.Uid, CancellationToken.None));

        await _bench.RunAsync();
        await _bench.RunAsync();

        Assert.Equal([_mailbox], await _bench.Storage.ReferencesAsync(message.MessageId));
        Assert.True(await _bench.Storage.HasBlobAsync(message.Blob));

        await _bench.DeleteAsync(_mailbox, message.Uid + 1);
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));
        await _bench.RunAsync();
        Assert.False(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    [Fact]
    public async Task Run_WhileOneOfTheMessagesIsRestored_PurgesTheOthersAndKeepsThatOneWhole()
    {
        var (restored, purged) = (await DeliverAndDeleteAsync(), await DeliverAndDeleteAsync());
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));
        var admin = new TestStorage(azurite.ConnectionString); // its requests are not those that are watched
        _bench.Storage.Watch.Before(
            r => r.IsTransaction && !r.Uri.AbsolutePath.Contains("references", StringComparison.Ordinal)
                && _bench.Storage.Watch.Count(s => s.IsTransaction) % 2 == 0,
            () => admin.Archive().RestoreAsync(_mailbox, restored.Uid, CancellationToken.None));

        await _bench.RunAsync();
        await _bench.RunAsync();

        Assert.Empty(await _bench.Storage.RowsAsync(_mailbox, "del:"));
        Assert.Equal(
            [MailboxRow.DeliveredKey(restored.MessageId)], (await _bench.Storage.RowsAsync(_mailbox, "id:")).Select(r => r.RowKey));
        Assert.Single(await _bench.Storage.RowsAsync(_mailbox, "msg:"));
        Assert.True(await _bench.Storage.HasBlobAsync(restored.Blob));
        Assert.False(await _bench.Storage.HasBlobAsync(purged.Blob));
        Assert.IsType<DeliveryResult.AlreadyDelivered>(
            await _bench.Storage.Delivery().DeliverAsync(_mailbox, restored, null, CancellationToken.None));
    }

    [Fact]
    public async Task Restore_WhoseAnswerWasLost_TellsWhereTheMessageIs()
    {
        var message = await DeliverAndDeleteAsync();
        _bench.Storage.Watch.LoseAnswers(r => r.IsTransaction);

        Assert.Equal(message.Uid + 1, await _bench.Storage.Archive().RestoreAsync(_mailbox, message.Uid, CancellationToken.None));

        Assert.Single(await _bench.Storage.RowsAsync(_mailbox, "msg:"));
    }

    [Fact]
    public async Task OverQuota_LeavesNoReference_AndNoBlobThatNobodyKeeps()
    {
        var message = await DeliverAndDeleteAsync();
        var (full, roomy) = (TestStorage.NewMailboxId(), TestStorage.NewMailboxId());
        Assert.IsType<DeliveryResult.OverQuota>(
            await _bench.Storage.Delivery().DeliverAsync(full, message, quotaBytes: 1, CancellationToken.None));
        Assert.IsType<DeliveryResult.OverQuota>(
            await _bench.Storage.Delivery().DeliverAsync(roomy, message, quotaBytes: 1, CancellationToken.None));
        Assert.IsType<DeliveryResult.Delivered>(await _bench.Storage.Delivery().DeliverAsync(roomy, message, null, CancellationToken.None));
        await _bench.RunAsync();
        Assert.Equal(new[] { _mailbox, roomy }.Order(), (await _bench.Storage.ReferencesAsync(message.MessageId)).Order());

        await _bench.DeleteAsync(roomy, 1);
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(1));
        await _bench.RunAsync();

        Assert.Empty(await _bench.Storage.ReferencesAsync(message.MessageId));
        Assert.False(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    [Fact]
    public async Task DeletedAccount_IsKeptUntilTheRetentionEnds_ThenPurgedWhole()
    {
        var account = await DeleteAccountAsync();
        var (one, two) =
            (
                await _bench.Storage.DeliverAsync(_mailbox, "one\r\n"u8.ToArray()),
                await _bench.Storage.DeliverAsync(_mailbox, "two\r\n"u8.ToArray()));
        await _bench.DeleteAsync(_mailbox, one.Uid);
        _bench.Time.Advance(AlmostTheRetention);
        await _bench.RunAsync();
        Assert.True(await _bench.Storage.HasBlobAsync(one.Blob));
        Assert.True(await _bench.Storage.HasBlobAsync(two.Blob));

        _bench.Time.Advance(TimeSpan.FromDays(1));
        await _bench.RunAsync();

        Assert.Empty(await _bench.Storage.RowsAsync(account.MailboxId));
        Assert.False(await _bench.Storage.HasBlobAsync(one.Blob));
        Assert.False(await _bench.Storage.HasBlobAsync(two.Blob));
    }

    [Fact]
    public async Task DeletedAccount_GivenBackWithItsMailbox_KeepsItsMail()
    {
        var account = await DeleteAccountAsync();
        var message = await _bench.Storage.DeliverAsync(_mailbox, "text\r\n"u8.ToArray());
        Assert.Equal(WriteResult.Created, (await _bench.Directory.PutEntryAsync(account, CancellationToken.None)).Result);
        _bench.Time.Advance(HousekeepingBench.Retention + TimeSpan.FromDays(3));

        await _bench.RunAsync();

        Assert.Single(await _bench.Storage.RowsAsync(_mailbox, "msg:"));
        Assert.True(await _bench.Storage.HasBlobAsync(message.Blob));
    }

    [Fact]
    public async Task ExpiredMail_OfAnAccountWithTheRule_GoesThatManyDaysAfterItWasFetched_AndCanBeRestored()
    {
        var account = NewAccount() with { ExpireAfterDays = 7 };
        await _bench.Directory.PutEntryAsync(account, CancellationToken.None);
        var (fetched, unread) =
            (
                await _bench.Storage.DeliverAsync(_mailbox, "one\r\n"u8.ToArray()),
                await _bench.Storage.DeliverAsync(_mailbox, "two\r\n"u8.ToArray()));
        await using (var maildrop = await OpenAsync(account))
        {
            maildrop.MarkFetched(fetched.Uid);
        }

        _bench.Time.Advance(TimeSpan.FromDays(6.9));
        await _bench.RunAsync();
        Assert.Equal(2, (await _bench.Storage.RowsAsync(_mailbox, "msg:")).Count);

        await using (var again = await OpenAsync(account))
        {
            again.MarkFetched(fetched.Uid); // it was the first time that counts
        }

        _bench.Time.Advance(TimeSpan.FromDays(0.2));
        await using (await OpenAsync(account))
        {
            await _bench.RunAsync();
            Assert.Equal(2, (await _bench.Storage.RowsAsync(_mailbox, "msg:")).Count); // not under a session that has the lock
        }

        await _bench.RunAsync();

        Assert.Equal([MailboxRow.MessageKey(unread.Uid)], (await _bench.Storage.RowsAsync(_mailbox, "msg:")).Select(r => r.RowKey));
        Assert.Equal([MailboxRow.DeletedKey(fetched.Uid)], (await _bench.Storage.RowsAsync(_mailbox, "del:")).Select(r => r.RowKey));
    }

    [Fact]
    public async Task ExpiredMail_OfAnAccountWhoseRuleWasTakenAway_Stays()
    {
        var account = NewAccount() with { ExpireAfterDays = 7 };
        var message = await _bench.Storage.DeliverAsync(_mailbox, "one\r\n"u8.ToArray());
        await using (var maildrop = await OpenAsync(account))
        {
            maildrop.MarkFetched(message.Uid);
        }

        await _bench.Directory.PutEntryAsync(account with { ExpireAfterDays = null }, CancellationToken.None);
        _bench.Time.Advance(TimeSpan.FromDays(30));
        await _bench.RunAsync();

        Assert.Single(await _bench.Storage.RowsAsync(_mailbox, "msg:"));
    }

    private async Task<IMaildrop> OpenAsync(AccountEntry account) =>
        ((MaildropOpening.Opened)await _bench.Storage.Maildrops(_bench.Time).OpenAsync(
        new Core.Accounts.AuthenticatedAccount(account.Address, account.MailboxId)
        {
            ExpireAfterDays = account.ExpireAfterDays,
        }, CancellationToken.None)).Maildrop;

    private AccountEntry NewAccount() =>
        new() { Address = EmailAddress.Parse($"x@{TestStorage.NewDomain()}")!, MailboxId = _mailbox, CreatedAt = _bench.Time.GetUtcNow() };

    private async Task<AccountEntry> DeleteAccountAsync()
    {
        var account = NewAccount();
        await _bench.Retired.RetireAsync(account, CancellationToken.None);
        return account;
    }

    private async Task<MailboxEntry> DeliverAndDeleteAsync()
    {
        var message = await _bench.Storage.DeliverAsync(_mailbox, "text\r\n"u8.ToArray());
        await _bench.DeleteAsync(_mailbox, message.Uid);
        return message;
    }
}
