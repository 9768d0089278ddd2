using System.Text;
using Azure.Data.Tables;
using Azure.Storage.Blobs.Models;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Tests.Storage;
using MailFunctions.Azure.Traces;
using MailFunctions.Core.Mailboxes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Azure.Tests.Maildrops;

/// <summary>A maildrop over Azurite: what is listed, read and deleted, also while others work on the same mailbox.</summary>
public sealed class MaildropTests(AzuriteFixture azurite)
{
    private readonly TestStorage _storage = new(azurite.ConnectionString);
    private readonly string _mailbox = TestStorage.NewMailboxId();

    [Fact]
    public async Task Read_OfAnyMessage_GivesAsManyOctetsAsWereListed()
    {
        await _storage.DeliverAsync(_mailbox, "Subject: a\r\n\r\ntext\r\n"u8.ToArray(), "Return-Path: <>\r\n");
        await _storage.DeliverAsync(_mailbox, "no break"u8.ToArray(), "Delivered-To: b\u00fccher@x.test\r\n", lacksFinalLineBreak: true);
        await _storage.DeliverAsync(_mailbox, TestStorage.RandomOctets(3 * 1024 * 1024));
        await using var maildrop = await _storage.OpenAsync(_mailbox);
        var listed = await TestStorage.ListAsync(maildrop);

        Assert.Equal(maildrop.Bytes, listed.Sum(m => m.Size));
        foreach (var message in listed)
        {
            Assert.Equal(message.Size, (await TestStorage.ReadAsync(maildrop, message.Uid))!.Length);
        }

        Assert.Equal(
            "Delivered-To: b\u00fccher@x.test\r\nno break\r\n", Encoding.UTF8.GetString((await TestStorage.ReadAsync(maildrop, 2))!));
    }

    [Fact]
    public async Task Delivery_DuringASession_IsSeenByTheNextOne()
    {
        await _storage.DeliverAsync(_mailbox, "one\r\n"u8.ToArray());
        await using (var maildrop = await _storage.OpenAsync(_mailbox))
        {
            await _storage.DeliverAsync(_mailbox, "two\r\n"u8.ToArray());

            Assert.Equal([1u], (await TestStorage.ListAsync(maildrop)).Select(m => m.Uid));
            Assert.Equal(1, maildrop.Count);
        }

        await using var next = await _storage.OpenAsync(_mailbox);
        Assert.Equal([1u, 2u], (await TestStorage.ListAsync(next)).Select(m => m.Uid));
    }

    [Fact]
    public async Task Restore_DuringASession_IsSeenByTheNextOne()
    {
        await _storage.DeliverAsync(_mailbox, "one\r\n"u8.ToArray());
        await _storage.DeliverAsync(_mailbox, "two\r\n"u8.ToArray());
        await using (var first = await _storage.OpenAsync(_mailbox))
        {
            Assert.Equal(1, await first.DeleteAsync([1], CancellationToken.None));
        }

        await using (var second = await _storage.OpenAsync(_mailbox))
        {
            Assert.Equal(3u, await _storage.Archive().RestoreAsync(_mailbox, 1, CancellationToken.None));

            Assert.Equal([2u], (await TestStorage.ListAsync(second)).Select(m => m.Uid));
            Assert.Equal(1, await second.DeleteAsync([2], CancellationToken.None));
        }

        await using var next = await _storage.OpenAsync(_mailbox);
        Assert.Equal([3u], (await TestStorage.ListAsync(next)).Select(m => m.Uid));
        Assert.Equal((1, 5), (next.Count, next.Bytes));
        Assert.Equal("one\r\n"u8.ToArray(), await TestStorage.ReadAsync(next, 3));
    }

    [Fact]
    public async Task Open_ByTwoSessions_IsInUseUntilTheFirstEnds()
    {
        var first = await _storage.OpenAsync(_mailbox);
        Assert.IsType<MaildropOpening.InUse>(await _storage.Maildrops().OpenAsync(TestStorage.AccountOf(_mailbox), CancellationToken.None));

        await first.DisposeAsync();

        await using var second = await _storage.OpenAsync(_mailbox);
        Assert.True(second.IsLocked);
    }

    [Fact]
    public async Task Open_ByManyAtOnce_IsGrantedToOne()
    {
        var openings =
            await Task.WhenAll(Enumerable.Range(0, 12)
                .Select(_ => _storage.Maildrops().OpenAsync(TestStorage.AccountOf(_mailbox), CancellationToken.None).AsTask()));

        var opened = Assert.Single(openings.OfType<MaildropOpening.Opened>());
        Assert.Equal(11, openings.OfType<MaildropOpening.InUse>().Count());
        await opened.Maildrop.DisposeAsync();
    }

    [Fact]
    public async Task Open_AfterTheHolderWasKilled_IsFreeAfterItsLifetime()
    {
        var killed = new ManualTime(); // stands still, as a dead process does
        var first = await _storage.OpenAsync(_mailbox, killed);
        var time = new ManualTime();
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.IsType<MaildropOpening.InUse>(
            await _storage.Maildrops(time).OpenAsync(TestStorage.AccountOf(_mailbox), CancellationToken.None));
        time.Advance(TimeSpan.FromSeconds(1));

        await using var second = await _storage.OpenAsync(_mailbox, time);

        // The first one comes back from the dead: it has lost, and deletes nothing.
        await _storage.DeliverAsync(_mailbox, "one\r\n"u8.ToArray());
        var deleting = first.DeleteAsync([1], CancellationToken.None).AsTask();
        while (!deleting.IsCompleted)
        {
            killed.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, await deleting);
        await first.DisposeAsync();
        Assert.True(second.IsLocked);
        Assert.Single(await _storage.RowsAsync(_mailbox, "msg:"));
        Assert.Single(await _storage.RowsAsync(_mailbox, "lock"));
    }

    [Fact]
    public async Task Delete_WhileOthersDeliver_KeepsTheStateTrue()
    {
        const int Before = 230, During = 40;
        var mailbox = await _storage.MailboxOfAsync(Before);
        await using var maildrop = await _storage.OpenAsync(mailbox);
        var uids = (await TestStorage.ListAsync(maildrop)).Select(m => m.Uid).ToList();

        // Writers of their own each, as function instances are.
        var deliveries = Enumerable.Range(0, During).Select(i =>
            _storage.Delivery().DeliverAsync(mailbox, TestStorage.NewEntry(1000 + i), null, CancellationToken.None)).ToList();
        var deleted = await maildrop.DeleteAsync(uids, CancellationToken.None);
        await Task.WhenAll(deliveries);

        Assert.Equal(Before, deleted);
        var rows = await _storage.RowsAsync(mailbox, "msg:");
        var state = MailboxRow.ToState((await _storage.RowsAsync(mailbox, "state"))[0]);
        Assert.Equal(During, rows.Count);
        Assert.Equal(new MailboxState(state.UidValidity, Before + During + 1, During, rows.Sum(r => r.GetInt64("Size")!.Value)), state);
        Assert.Equal(Before, (await _storage.RowsAsync(mailbox, "del:")).Count);
    }

    [Fact]
    public async Task Delete_WhenTheStoreStopsHalfWay_SaysWhatIsDeletedAndNoMore()
    {
        var mailbox = await _storage.MailboxOfAsync(150);
        await using var maildrop = await _storage.OpenAsync(mailbox);
        var through = 2;
        _storage.Watch.Refuse(r => r.IsTransaction && through-- <= 0);

        var deleted = await maildrop.DeleteAsync([.. Enumerable.Range(1, 150).Select(i => (uint)i)], CancellationToken.None);

        _storage.Watch.Heal();
        Assert.Equal(98, deleted);
        Assert.Equal(
            Enumerable.Range(1, 98).Select(i => MailboxRow.DeletedKey((uint)i)),
            (await _storage.RowsAsync(mailbox, "del:")).Select(r => r.RowKey));
        Assert.Equal(52, MailboxRow.ToState((await _storage.RowsAsync(mailbox, "state"))[0]).Count);
    }

    [Fact]
    public async Task Delete_WhenAnAnswerIsLost_IsDoneOnce()
    {
        var mailbox = await _storage.MailboxOfAsync(60);
        await using var maildrop = await _storage.OpenAsync(mailbox);
        _storage.Watch.LoseAnswers(r => r.IsTransaction);

        var deleted = await maildrop.DeleteAsync([.. Enumerable.Range(1, 60).Select(i => (uint)i)], CancellationToken.None);

        Assert.Equal(60, deleted);
        Assert.Empty(await _storage.RowsAsync(mailbox, "msg:"));
        Assert.Equal(0, MailboxRow.ToState((await _storage.RowsAsync(mailbox, "state"))[0]).Count);
        Assert.True(maildrop.IsLocked);
    }

    [Fact]
    public async Task Delete_WhenNoAnswerEverComes_CountsWhatIsGone()
    {
        var mailbox = await _storage.MailboxOfAsync(60);
        await using var maildrop = await _storage.OpenAsync(mailbox);
        _storage.Watch.LoseAnswers(r => r.IsTransaction, int.MaxValue);

        var deleted = await maildrop.DeleteAsync([.. Enumerable.Range(1, 60).Select(i => (uint)i)], CancellationToken.None);

        _storage.Watch.Heal();
        Assert.Equal(49, deleted);
        Assert.Equal(49, (await _storage.RowsAsync(mailbox, "del:")).Count);
        Assert.Equal(11, MailboxRow.ToState((await _storage.RowsAsync(mailbox, "state"))[0]).Count);
    }

    [Fact]
    public async Task Dispose_WithAFewFetchedOfMany_ReadsOnlyTheirRows()
    {
        var mailbox = await _storage.MailboxOfAsync(2500);
        var maildrop = await _storage.OpenAsync(mailbox, expireAfterDays: 7);
        maildrop.MarkFetched(2400);
        maildrop.MarkFetched(2403);
        var before = _storage.Watch.Count(r => r.IsQuery);

        await maildrop.DisposeAsync();

        Assert.Equal(1, _storage.Watch.Count(r => r.IsQuery) - before);
        Assert.Equal([2400u, 2403u], await FetchedAsync(mailbox));
    }

    [Fact]
    public async Task Dispose_WhenItsTimeIsOver_HasMarkedWhatItCameTo()
    {
        var mailbox = await _storage.MailboxOfAsync(1600);
        var time = new ManualTime();
        var maildrop = await _storage.OpenAsync(mailbox, time, expireAfterDays: 7);
        foreach (var uid in Enumerable.Range(1, 99).Concat(Enumerable.Range(1500, 10)))
        {
            maildrop.MarkFetched((uint)uid);
        }

        var queries = 0;
        _storage.Watch.Before(r => r.IsQuery && ++queries == 2, () =>
        {
            time.Advance(TimeSpan.FromSeconds(11));
            return Task.CompletedTask;
        });
        await maildrop.DisposeAsync();

        Assert.Equal(Enumerable.Range(1, 99).Select(i => (uint)i), await FetchedAsync(mailbox));
        Assert.Empty(await _storage.RowsAsync(mailbox, "lock"));
    }

    [Fact]
    public async Task UniqueIds_OfAnAccountMadeAgain_AreNoneOfTheOldOnes()
    {
        var again = TestStorage.NewMailboxId(); // an account's mailbox is made anew with it
        await _storage.DeliverAsync(_mailbox, "one\r\n"u8.ToArray());
        await _storage.DeliverAsync(again, "one\r\n"u8.ToArray());
        await using var old = await _storage.OpenAsync(_mailbox);
        await using var made = await _storage.OpenAsync(again);

        Assert.NotEqual(old.UniqueIdPrefix, made.UniqueIdPrefix);
        Assert.Matches("^[!-~]{1,50}$", made.UniqueIdPrefix);
        Assert.True($"{made.UniqueIdPrefix}.{uint.MaxValue}".Length <= 70); // RFC 1939 §7
    }

    [Fact]
    public async Task Uids_AfterEverythingWasDeleted_AreNotUsedAgain()
    {
        await _storage.DeliverAsync(_mailbox, "one\r\n"u8.ToArray());
        await using (var maildrop = await _storage.OpenAsync(_mailbox))
        {
            Assert.Equal(1, await maildrop.DeleteAsync([1], CancellationToken.None));
        }

        Assert.Equal(2u, (await _storage.DeliverAsync(_mailbox, "two\r\n"u8.ToArray())).Uid);
    }

    [Fact]
    public async Task Read_WhenTheBlobIsGone_TellsThePostmasterOnceADay_AndTheOthersAreRead()
    {
        var gone = await _storage.DeliverAsync(_mailbox, "gone\r\n"u8.ToArray());
        var there = await _storage.DeliverAsync(_mailbox, "there\r\n"u8.ToArray());
        await _storage.Store().DeleteAsync(gone.Blob, CancellationToken.None);
        await using var maildrop = await _storage.OpenAsync(_mailbox);

        Assert.Null(await TestStorage.ReadAsync(maildrop, gone.Uid, there.Uid));
        Assert.Null(await TestStorage.ReadAsync(maildrop, gone.Uid));
        Assert.Equal("there\r\n", Encoding.ASCII.GetString((await TestStorage.ReadAsync(maildrop, there.Uid))!));

        var trace = Assert.Single(await TracesAsync(gone.MessageId));
        Assert.Equal("unreadable", trace.GetString("Kind"));
        Assert.Equal($"{_mailbox}@example.test", trace.GetString("Addresses"));
    }

    [Fact]
    public async Task Read_WhenTheBlobWasArchived_IsAsIfItWereGone()
    {
        var archived = await _storage.DeliverAsync(_mailbox, "archived\r\n"u8.ToArray());
        await _storage.Blobs.GetBlobContainerClient(MessageBlobs.ContainerName).GetBlobClient(archived.Blob)
            .SetAccessTierAsync(AccessTier.Archive, cancellationToken: TestContext.Current.CancellationToken);
        await using var maildrop = await _storage.OpenAsync(_mailbox);

        Assert.Null(await TestStorage.ReadAsync(maildrop, archived.Uid));
        Assert.Single(await TracesAsync(archived.MessageId));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)] // more than are waited for
    public async Task Read_WhenThePagesOfRowsComeEmptyAtFirst_GivesTheMessage(int pages)
    {
        var message = await _storage.DeliverAsync(_mailbox, "there\r\n"u8.ToArray());
        await using var maildrop = await _storage.OpenAsync(_mailbox);
        _storage.Watch.Answer(
            r => r.IsQuery, () => new EmptyPage(MailboxRow.Partition(_mailbox), MailboxRow.MessageKey(message.Uid)), pages);

        Assert.Equal("there\r\n"u8.ToArray(), await TestStorage.ReadAsync(maildrop, message.Uid, 2));
    }

    [Fact]
    public async Task Read_WhenTheRowIsGone_TellsThePostmasterByTheUniqueId()
    {
        var gone = await _storage.DeliverAsync(_mailbox, "gone\r\n"u8.ToArray());
        await using var maildrop = await _storage.OpenAsync(_mailbox);
        await _storage.Mailboxes.DeleteEntityAsync(
            MailboxRow.Partition(_mailbox), MailboxRow.MessageKey(gone.Uid), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Null(await TestStorage.ReadAsync(maildrop, gone.Uid, 2));
        Assert.Null(await TestStorage.ReadAsync(maildrop, gone.Uid));

        var trace = Assert.Single(await TracesAsync($"{maildrop.UniqueIdPrefix}.{gone.Uid}"));
        Assert.Equal("unreadable", trace.GetString("Kind"));
        Assert.Equal($"{_mailbox}@example.test", trace.GetString("Addresses"));
    }

    [Fact]
    public async Task List_OfManyMessages_IsOnePagedQuery()
    {
        var mailbox = await _storage.MailboxOfAsync(2500);
        var before = _storage.Watch.Seen.Count;

        await using var maildrop = await _storage.OpenAsync(mailbox);
        Assert.Equal(2, _storage.Watch.Seen.Count - before); // lock and state: STAT is answered
        Assert.Equal(2500, (await TestStorage.ListAsync(maildrop)).Count);

        Assert.Equal(5, _storage.Watch.Seen.Count - before); // 1,000 rows a page
    }

    private async Task<IEnumerable<uint>> FetchedAsync(string mailbox) =>
        (await _storage.RowsAsync(mailbox, "msg:")).Where(r => r.ContainsKey("FetchedAt")).Select(r => MailboxRow.UidOf(r.RowKey));

    private async Task<List<TableEntity>> TracesAsync(string messageId)
    {
        var traces = new List<TableEntity>();
        await foreach (var row in _storage.Tables.GetTableClient(TraceTable.TracesName)
            .QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {messageId}")))
        {
            traces.Add(row);
        }

        return traces;
    }
}
