using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Sessions;
using MailFunctions.Edge.Accounts;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Policy;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Policy;

/// <summary>What SMTP sessions may do.</summary>
public sealed class DirectorySmtpPolicyTests : IDisposable
{
    private static readonly AuthenticatedAccount Alice = new(EmailAddress.Parse("alice@example.test")!, "box-alice@example.test");
    private static readonly ClientInfo Mx = new("192.0.2.1", "client.test", null, null);
    private static readonly ClientInfo Submission = new("192.0.2.1", "client.test", null, "alice@example.test");

    private readonly ManualTime _time = new();
    private readonly TestDirectory _store = new();
    private readonly TestMailboxes _mailboxes = new();
    private readonly CachedDirectory _directory;
    private readonly CachedUsage _usage;
    private readonly MailRates _rates;
    private readonly DirectorySmtpPolicy _policy;

    public DirectorySmtpPolicyTests()
    {
        _store.AddAccount("alice@example.test");
        _store.AddAccount("bob@example.test");
        _store.AddAccount("off@example.test", a => a with { Enabled = false });
        _store.AddAccount("small@example.test", a => a with { QuotaBytes = 1000 });
        _store.AddAlias("sales@example.test", "alice@example.test", "bob@example.test");
        _store.AddAlias("tiny@example.test", "small@example.test");
        _store.AddAlias("both@example.test", "small@example.test", "bob@example.test");
        _store.AddAlias("nowhere@example.test", "off@example.test");
        _directory = new CachedDirectory(_store, Options.Create(new LoginOptions()), _time);
        _usage = new CachedUsage(_mailboxes, _time);
        _rates =
            new MailRates(Options.Create(
                new RateOptions { MessagesPerClient = 2, RecipientsPerClient = 20, MessagesPerAccount = 2, RecipientsPerAccount = 3 }));
        _policy = new DirectorySmtpPolicy(_directory, _usage, _rates);
    }

    [Theory]
    [InlineData("alice@example.test", RecipientVerdict.Accepted)]
    [InlineData("Alice+lists@Example.Test", RecipientVerdict.Accepted)]
    [InlineData("sales@example.test", RecipientVerdict.Accepted)]
    [InlineData("nobody@example.test", RecipientVerdict.Unknown)]
    [InlineData("off@example.test", RecipientVerdict.Disabled)]
    [InlineData("nowhere@example.test", RecipientVerdict.Disabled)]
    [InlineData("alice@elsewhere.test", RecipientVerdict.NotLocal)]
    [InlineData("alice@[192.0.2.25]", RecipientVerdict.NotLocal)]
    [InlineData("small@example.test", RecipientVerdict.OverQuota)]
    [InlineData("tiny@example.test", RecipientVerdict.OverQuota)]
    [InlineData("both@example.test", RecipientVerdict.Accepted)]
    public async Task CheckRecipient_ByWhatTheDirectorySays(string address, RecipientVerdict expected)
    {
        _mailboxes.Bytes["box-small@example.test"] = 1000;

        Assert.Equal(expected, await RecipientAsync(address));
    }

    [Theory]
    [InlineData("small@example.test", 100, RecipientVerdict.Accepted)]
    [InlineData("small@example.test", 101, RecipientVerdict.OverQuota)]
    [InlineData("small@example.test", 1000, RecipientVerdict.OverQuota)]
    [InlineData("small@example.test", 1001, RecipientVerdict.TooBigForMailbox)] // no room that is made helps
    [InlineData("tiny@example.test", 1001, RecipientVerdict.TooBigForMailbox)]
    [InlineData("both@example.test", 1001, RecipientVerdict.Accepted)]
    [InlineData("both@example.test", 101, RecipientVerdict.Accepted)]
    public async Task CheckRecipient_DeclaredSize_HasToFitIntoTheQuota(string address, long declaredSize, RecipientVerdict expected)
    {
        _mailboxes.Bytes["box-small@example.test"] = 900;

        Assert.Equal(expected, await RecipientAsync(address, declaredSize));
    }

    [Fact]
    public async Task CheckRecipient_RoomMadeInAFullMailbox_TakesMailAgainWithinSeconds()
    {
        _mailboxes.Bytes["box-small@example.test"] = 1000;
        Assert.Equal(RecipientVerdict.OverQuota, await RecipientAsync("small@example.test"));
        _mailboxes.Bytes["box-small@example.test"] = 999;
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Equal(RecipientVerdict.Accepted, await RecipientAsync("small@example.test"));
    }

    [Fact]
    public async Task CheckRecipient_NoQuota_AsksNoMailbox()
    {
        await RecipientAsync("alice@example.test");

        Assert.Equal(0, _mailboxes.Reads);
    }

    [Fact]
    public async Task CheckRecipient_DirectoryAway_SaysSo()
    {
        _store.IsAway = true;

        Assert.Equal(RecipientVerdict.Unavailable, await RecipientAsync("alice@example.test"));
    }

    [Fact]
    public async Task CheckRecipient_AccountMadeAMomentAgo_ReceivesWithinFiveSeconds()
    {
        Assert.Equal(RecipientVerdict.Unknown, await RecipientAsync("new@example.test"));
        _store.AddAccount("new@example.test");
        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(RecipientVerdict.Accepted, await RecipientAsync("new@example.test"));
    }

    [Fact]
    public async Task CheckRecipient_AccountHasUsedItsHour_IsRateLimited()
    {
        var verdicts = new List<RecipientVerdict>();
        for (var i = 0; i < 5; i++)
        {
            verdicts.Add(await _policy.CheckRecipientAsync(
                EmailAddress.Parse("bob@example.test")!, Alice, Submission, Alice.Address, declaredSize: 0, CancellationToken.None));
        }

        Assert.Equal(3, verdicts.Count(v => v == RecipientVerdict.Accepted));
        Assert.Equal(RecipientVerdict.RateLimited, verdicts[^1]);
    }

    [Theory]
    [InlineData("alice@example.test", SenderVerdict.Accepted)]
    [InlineData("alice+news@example.test", SenderVerdict.Accepted)]
    [InlineData("sales@example.test", SenderVerdict.Accepted)]
    [InlineData("bob@example.test", SenderVerdict.NotOwned)]
    [InlineData("alice@elsewhere.test", SenderVerdict.NotOwned)]
    [InlineData("nobody@example.test", SenderVerdict.NotOwned)]
    public async Task CheckSender_Submission_OwnAddressesAndAliasesOnly(string address, SenderVerdict expected)
    {
        var sender = EmailAddress.Parse(address)!;

        Assert.Equal(expected, await _policy.CheckSenderAsync(sender, Alice, Submission, CancellationToken.None));
        Assert.Equal(expected, await _policy.CheckFromAsync(sender, Alice, CancellationToken.None));
    }

    [Theory]
    [InlineData("carol@example.test", SenderVerdict.NotOwned)] // who gets her mail has not got her name
    [InlineData("office@example.test", SenderVerdict.NotOwned)] // an alias of hers
    [InlineData("chain@example.test", SenderVerdict.Accepted)] // an alias of an alias of his
    [InlineData("boss@example.test", SenderVerdict.Accepted)] // sendAs
    [InlineData("Boss+news@example.test", SenderVerdict.Accepted)]
    [InlineData("anyone@far.test", SenderVerdict.Accepted)] // sendAs `*@far.test`
    [InlineData("anyone@farther.test", SenderVerdict.NotOwned)]
    public async Task CheckSender_Submission_ByNameAndSendAsAndNeverByForwards(string address, SenderVerdict expected)
    {
        _store.AddAccount(
            "alice@example.test", a => a with { SendAs = [EmailAddress.Parse("boss@example.test")!, EmailAddress.Parse("*@far.test")!] });
        _store.AddAccount("boss@example.test");
        _store.AddAccount("carol@example.test", a => a with { ForwardTo = [Alice.Address], KeepCopy = false });
        _store.AddAlias("office@example.test", "carol@example.test");
        _store.AddAlias("chain@example.test", "sales@example.test");

        Assert.Equal(expected, await _policy.CheckFromAsync(EmailAddress.Parse(address)!, Alice, CancellationToken.None));
    }

    [Theory]
    [InlineData("small@example.test", 10, "", ContentVerdict.Accepted)]
    [InlineData("small@example.test", 100, "", ContentVerdict.OverQuota)] // the fields before it in the mailbox count
    [InlineData("small@example.test", 1000, "", ContentVerdict.TooBigForMailbox)]
    [InlineData("small+a@example.test small+b@example.test", 100, "", ContentVerdict.OverQuota)]
    [InlineData("tiny@example.test", 100, "", ContentVerdict.OverQuota)]
    [InlineData("both@example.test", 100, "", ContentVerdict.Accepted)]
    [InlineData("small@example.test bob@example.test", 100, "", ContentVerdict.Accepted)]
    [InlineData("small@example.test x@elsewhere.test", 100, "", ContentVerdict.Accepted)]
    [InlineData("off@example.test", 10, "", ContentVerdict.Disabled)]
    [InlineData("gone@example.test", 10, "", ContentVerdict.Unknown)]
    [InlineData("off@example.test small@example.test", 100, "", ContentVerdict.OverQuota)]
    [InlineData("away@example.test", 10, "AWAY@example.test", ContentVerdict.Loop)]
    [InlineData("away@example.test", 10, "other@example.test", ContentVerdict.Accepted)]
    [InlineData("copy@example.test", 10, "copy@example.test", ContentVerdict.Accepted)]
    [InlineData("away@example.test bob@example.test", 10, "away@example.test", ContentVerdict.Accepted)]
    public async Task CheckContent_WhatIsKnownAtTheEndOfData_IsRefusedThere(
        string recipients, long size, string deliveredTo, ContentVerdict expected)
    {
        _mailboxes.Bytes["box-small@example.test"] = 900;
        _store.AddAlias("away@example.test", "x@elsewhere.test");
        _store.AddAccount("copy@example.test", a => a with { ForwardTo = [EmailAddress.Parse("x@elsewhere.test")!] });
        var content = new IncomingContent(
            [.. recipients.Split(' ').Select(r => new EnvelopeRecipient { Address = r })], new ReversePath
            {
                Address = "a@b.test",
            }, size, [deliveredTo]);

        Assert.Equal(expected, await _policy.CheckContentAsync(content, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task CheckContent_DirectoryAway_LeavesItToTheDelivery()
    {
        _store.IsAway = true;

        Assert.Equal(
            ContentVerdict.Accepted,
            await _policy.CheckContentAsync(
                new IncomingContent([new EnvelopeRecipient { Address = "new@example.test" }], new ReversePath { Address = "" }, 1, []),
                TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task CheckRecipient_RewrittenSender_TakesReportsAloneAndNotTooMany()
    {
        var srs = new SrsRewriter("a key of some length"u8.ToArray(), _time);
        var policy =
            new DirectorySmtpPolicy(_directory, _usage, new MailRates(Options.Create(new RateOptions { ReportsPerSender = 2 })), srs);
        var verdicts = new List<RecipientVerdict>();
        foreach (var sender in (string[])["a@b.test", "", "", ""])
        {
            var behind = EmailAddress.Parse($"victim+{verdicts.Count}@elsewhere.test")!;
            verdicts.Add(await policy.CheckRecipientAsync(
                srs.Rewrite(behind, "example.test")!, null, Mx, EmailAddress.Parse(sender), declaredSize: 0,
                TestContext.Current.CancellationToken));
        }

        Assert.Equal(
            [RecipientVerdict.ReportsOnly, RecipientVerdict.AcceptedAlone, RecipientVerdict.AcceptedAlone, RecipientVerdict.RateLimited],
            verdicts);
    }

    [Fact]
    public async Task CheckSender_MxPort_AnybodyUntilTheRate()
    {
        var sender = EmailAddress.Parse("bob@elsewhere.test");
        var verdicts = new List<SenderVerdict>();
        for (var i = 0; i < 3; i++)
        {
            verdicts.Add(await _policy.CheckSenderAsync(sender, null, Mx, CancellationToken.None));
        }

        Assert.Equal([SenderVerdict.Accepted, SenderVerdict.Accepted, SenderVerdict.RateLimited], verdicts);
    }

    [Fact]
    public async Task CheckSender_NullReversePath_IsAnybodys()
    {
        Assert.Equal(SenderVerdict.Accepted, await _policy.CheckSenderAsync(null, Alice, Submission, CancellationToken.None));
    }

    [Fact]
    public async Task CheckSender_AliasAndDirectoryAway_SaysSo()
    {
        _store.IsAway = true;

        Assert.Equal(
            SenderVerdict.Unavailable,
            await _policy.CheckSenderAsync(EmailAddress.Parse("sales@example.test"), Alice, Submission, CancellationToken.None));
    }

    public void Dispose()
    {
        _rates.Dispose();
        _usage.Dispose();
        _directory.Dispose();
    }

    private ValueTask<RecipientVerdict> RecipientAsync(string address, long declaredSize = 0, EmailAddress? sender = null) =>
        _policy.CheckRecipientAsync(EmailAddress.Parse(address)!, null, Mx, sender, declaredSize, TestContext.Current.CancellationToken);
}
