using MailFunctions.Azure.Mailboxes;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using Xunit;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>Deliveries into one mailbox, alone and many at once, over Azurite and its bounds.</summary>
public sealed class MailboxDeliveryTests(AzuriteFixture azurite)
{
    private readonly TestStorage _storage = new(azurite.ConnectionString);
    private readonly string _mailbox = TestStorage.NewMailboxId();

    [Fact]
    public async Task Deliver_HundredAttachmentsOfAnotherScript_KeepsTheirNames()
    {
        var names = Enumerable.Range(0, 100).Select(_ => new string('\u0436', 60)).ToList();

        await _storage.Delivery().DeliverAsync(_mailbox, TestStorage.NewEntry() with { Attachments = names }, null, CancellationToken.None);

        Assert.Equal(names, await AttachmentsAsync());
    }

    [Theory]
    [InlineData("\ud83d\ude00")] // two characters, written as \uXXXX twice
    [InlineData("\"\\")]
    public async Task Deliver_AttachmentsThatTheColumnDoesNotTake_LosesTheLastNames(string letter)
    {
        var names = Enumerable.Range(0, 100).Select(_ => string.Concat(Enumerable.Repeat(letter, 100))).ToList();

        await _storage.Delivery().DeliverAsync(_mailbox, TestStorage.NewEntry() with { Attachments = names }, null, CancellationToken.None);

        var kept = await AttachmentsAsync();
        Assert.InRange(kept.Count, 20, 99);
        Assert.Equal(names.Take(kept.Count), kept);
    }

    [Fact]
    public async Task Deliver_OneThatNoRowTakesAmongOthers_FailsAlone()
    {
        var writer = new MailboxWriter(_storage.Mailboxes, MailboxRow.Partition(_mailbox), TimeProvider.System);
        var deliveries = Enumerable.Range(0, 5)
            .Select(i => TestStorage.NewEntry() with { Subject = new string('x', i == 2 ? 40_000 : 10) })
            .Select(e => new PendingDelivery(e, null, TimeProvider.System.GetUtcNow())).ToList();
        deliveries.ForEach(d => Assert.True(writer.TryEnqueue(d, out _)));

        await writer.RunAsync();

        await Assert.ThrowsAsync<StoreUnavailableException>(() => deliveries[2].Result);
        deliveries.RemoveAt(2);
        var results = await Task.WhenAll(deliveries.Select(d => d.Result));
        Assert.Equal([1u, 2u, 3u, 4u], results.Select(r => Assert.IsType<DeliveryResult.Delivered>(r).Uid));
        Assert.Equal(4, (await _storage.RowsAsync(_mailbox, "msg:")).Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)] // by two processes
    public async Task Deliver_TwoAtOnceOfWhichOneFits_RefusesTheOther(bool oneWriter)
    {
        var first = _storage.Delivery();
        var results = await Task.WhenAll(
            first.DeliverAsync(_mailbox, TestStorage.NewEntry(60), 100, CancellationToken.None),
            (oneWriter ? first : _storage.Delivery()).DeliverAsync(_mailbox, TestStorage.NewEntry(60), 100, CancellationToken.None));

        Assert.Single(results.OfType<DeliveryResult.Delivered>());
        Assert.Single(results.OfType<DeliveryResult.OverQuota>());
        Assert.Equal((1, 60), await StateAsync());
        Assert.Single(await _storage.RowsAsync(_mailbox, "msg:"));
        Assert.Single(await _storage.RowsAsync(_mailbox, "id:"));
    }

    [Fact]
    public async Task Deliver_AgainIntoAMailboxThatHasBecomeFull_IsNoRefusal()
    {
        var message = TestStorage.NewEntry(60);
        await _storage.Delivery().DeliverAsync(_mailbox, message, 100, CancellationToken.None);

        Assert.IsType<DeliveryResult.AlreadyDelivered>(
            await _storage.Delivery().DeliverAsync(_mailbox, message, 100, CancellationToken.None));
        Assert.Equal((1, 60), await StateAsync());
    }

    private async Task<(long Count, long Bytes)> StateAsync()
    {
        var state = MailboxRow.ToState(Assert.Single(await _storage.RowsAsync(_mailbox, "state")));
        return (state.Count, state.Bytes);
    }

    private async Task<IReadOnlyList<string>> AttachmentsAsync() =>
        MailboxRow.ToEntry(Assert.Single(await _storage.RowsAsync(_mailbox, "msg:"))).Attachments;
}
