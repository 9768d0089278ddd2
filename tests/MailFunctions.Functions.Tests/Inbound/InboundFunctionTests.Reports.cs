using System.Text;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Envelopes;
using MailFunctions.Functions.Triggers;
using MimeKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Inbound;

/// <content>What the sender is told of recipients here, and how little a stranger can make of it.</content>
public sealed partial class InboundFunctionTests
{
    [Fact]
    public async Task Run_OwnDeliveredToFromAStranger_StopsWhatIsSentOnAndNotTheLocalCopy()
    {
        _directory.Account("alice@example.test");
        _directory.Account("carol@example.test", forwardTo: "far@two.test");
        _directory.Alias("team@example.test", "alice@example.test", "far@one.test");
        _store.Blobs[Blob] = "delivered-to: Team@EXAMPLE.test\r\nDelivered-To: carol@example.test\r\n\r\nBody\r\n"u8.ToArray();

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("team@example.test", "carol@example.test")));

        Assert.Equal(["box-alice@example.test", "box-carol@example.test"], _mailboxes.Entries.Keys.Select(k => k.Mailbox).Order());
        Assert.Empty(_jobs.Rows);
        Assert.Empty(_bus.Inbound); // each recipient has its end
        Assert.Equal(2, _traces.Rows.Count(r => r.Kind == "delivered" && r.Detail!.Contains("not sent on", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Run_MessageThatTheAddressSentOnBeforeAndKeepsNoCopyOf_IsReportedAndNotSentOnAgain()
    {
        _directory.Account("carol@example.test", keepCopy: false, forwardTo: "far@two.test");
        _directory.Alias("team@example.test", "far@one.test");
        _store.Blobs[Blob] = "delivered-to: Team@EXAMPLE.test\r\nDelivered-To: carol@example.test\r\n\r\nBody\r\n"u8.ToArray();

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("team@example.test", "carol@example.test")));

        Assert.Empty(_jobs.Rows);
        Assert.Equal(["5.4.6", "5.4.6"], (await ReportsAsync()).Select(g => g["Status"]));
        Assert.Single(_bus.Inbound);
    }

    // RFC 3461 §5.2.3 and §5.2.7: the recipient, what is reported of it, and NOTIFY as it goes on.
    [Theory]
    [InlineData("alice@example.test", "delivered rfc822; alice@example.test", "")]
    [InlineData("alice+news@example.test", "delivered rfc822; alice@example.test", "")]
    [InlineData("one@example.test", "delivered rfc822; alice@example.test", "")]
    [InlineData("many@example.test", "expanded rfc822; many@example.test", "")]
    [InlineData("mixed@example.test", "expanded rfc822; mixed@example.test", "far@one.test FAILURE")]
    [InlineData("away@example.test", "", "far@one.test SUCCESS,FAILURE")]
    [InlineData("copy@example.test", "delivered rfc822; copy@example.test", "far@one.test FAILURE")]
    [InlineData("gone@example.test", "", "far@two.test SUCCESS,FAILURE")]
    [InlineData("spread@example.test", "expanded rfc822; spread@example.test", "far@one.test FAILURE, far@two.test FAILURE")]
    public async Task Run_NotifySuccess_IsReportedOrGoesOnAsRfc3461HasIt(string recipient, string reported, string sentOn)
    {
        _directory.Account("alice@example.test");
        _directory.Account("bob@example.test");
        _directory.Account("copy@example.test", forwardTo: "far@one.test");
        _directory.Account("gone@example.test", keepCopy: false, forwardTo: "far@two.test");
        _directory.Account("spread@example.test", keepCopy: false, forwardTo: ["far@one.test", "far@two.test"]);
        _directory.Alias("one@example.test", "alice@example.test");
        _directory.Alias("many@example.test", "alice@example.test", "bob@example.test");
        _directory.Alias("mixed@example.test", "alice@example.test", "far@one.test");
        _directory.Alias("away@example.test", "far@one.test");
        var envelope = Asking("SUCCESS,FAILURE", recipient);

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(envelope));
        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(envelope));

        Assert.Equal(reported, string.Join(", ", (await ReportsAsync()).Select(g => $"{g["Action"]} {g["Final-Recipient"]}")));
        Assert.Equal(reported.Length > 0 ? 1 : 0, _bus.Inbound.Count);
        Assert.Equal(
            sentOn, string.Join(", ", _jobs.Rows.Values.SelectMany(j => j.Recipients).Select(r => $"{r.Address} {r.Notify}").Order()));
    }

    [Fact]
    public async Task Run_NotifySuccessAloneToAnAliasOfMany_LeavesItsMembersNothingToReport()
    {
        _directory.Alias("spread@example.test", "far@one.test", "far@two.test");

        await RunAsync(Asking("SUCCESS", "spread@example.test"));

        Assert.Equal(["NEVER", "NEVER"], _jobs.Rows.Values.SelectMany(j => j.Recipients).Select(r => r.Notify));
    }

    [Fact]
    public async Task Run_SomeDeliveredAndSomeNot_AreToldInOneReport()
    {
        _directory.Account("alice@example.test");
        _directory.Account("full@example.test", quota: 1);

        await RunAsync(Asking("SUCCESS,FAILURE", "alice@example.test", "full@example.test"));

        Assert.Equal(["delivered 2.1.5", "failed 5.2.2"], (await ReportsAsync()).Select(g => $"{g["Action"]} {g["Status"]}").Order());
        Assert.Equal("Your message could not be delivered", (await ReportAsync()).Subject);
    }

    [Fact]
    public async Task Run_HundredsOfNamesOfOneFullMailboxWithRetFull_MakeOneSmallReport()
    {
        _directory.Account("full@example.test", quota: 1);
        _directory.Account("off@example.test", enabled: false);
        var body = string.Concat(Enumerable.Repeat(new string('x', 70) + "\r\n", 2900));
        _store.Blobs[Blob] = Encoding.ASCII.GetBytes("Subject: Hello\r\n\r\n" + body);
        var names = Enumerable.Range(0, 300)
            .SelectMany(i => new[] { "full", "off", "gone" }.Select(n => $"{n}+{i}@example.test")).ToArray();
        var envelope = Envelope(names) with { Size = _store.Blobs[Blob].Length };

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(envelope with { MailFrom = envelope.MailFrom with { Ret = "FULL" } }));

        Assert.Equal(
            ["5.1.1 rfc822; gone+0@example.test", "5.2.1 rfc822; off+0@example.test", "5.2.2 rfc822; full@example.test"],
            (await ReportsAsync()).Select(g => $"{g["Status"]} {g["Final-Recipient"]}").Order(StringComparer.Ordinal));
        Assert.InRange(Assert.Single(_bus.Inbound).Size, 1, 4096);
        Assert.Equal(900, _traces.Rows.Count(r => r.Kind == "bounced")); // the postmaster sees each
    }

    [Fact]
    public async Task Run_AliasWithHundredsOfTargetsThatAreGone_MakesOneReport()
    {
        _directory.Account("alice@example.test");
        _directory.Alias("team@example.test", ["alice@example.test", .. Enumerable.Range(0, 300).Select(i => $"gone{i}@example.test")]);

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("team@example.test")));

        Assert.Single(_bus.Inbound);
        Assert.Equal(300, (await ReportsAsync()).Count);
    }

    [Theory]
    [InlineData(true, "message/rfc822")]
    [InlineData(false, "text/rfc822-headers")]
    public async Task Run_RetFull_ReturnsTheWholeToOurOwnAlone(bool ours, string expected)
    {
        var envelope = ours ? Submitted("gone@example.test") : Envelope("gone@example.test");

        await RunAsync(envelope with { MailFrom = envelope.MailFrom with { Ret = "FULL" } });

        Assert.Equal(expected, ((MultipartReport)(await ReportAsync()).Body!)[2].ContentType.MimeType);
    }

    [Fact]
    public async Task Run_FloodUnderAForgedSender_MakesNoMoreReportsThanAnHourHas()
    {
        var flood = Enumerable.Range(0, 30)
            .Select(i => Numbered(i) with { MailFrom = new ReversePath { Address = $"victim+{i}@elsewhere.test" } }).ToList();
        foreach (var envelope in flood.Concat(flood).Append(Numbered(31)))
        {
            _store.Blobs[envelope.Blob] = _store.Blobs[Blob];
            Assert.IsType<TriggerResult.Succeeded>(await RunAsync(envelope));
        }

        Assert.Equal(20, _bus.Inbound.Count(e => e.Recipients[0].Address.StartsWith("victim", StringComparison.Ordinal)));
        Assert.Single(_bus.Inbound, e => e.Recipients[0].Address == "sender@elsewhere.test");
        Assert.Equal(31, _traces.Rows.Count(r => r.Kind == "bounced")); // the postmaster sees every one
        Assert.Equal(10, _traces.Rows.Count(r => r.Kind == "bounced" && r.Detail!.Contains("not reported", StringComparison.Ordinal)));
    }

    // OpenSMTPD/OpenSMTPD#466: who asks for reports of success under another's name gets that other no more of them.
    [Fact]
    public async Task Run_FloodThatAsksForSuccess_MakesNoMoreReportsThanAnHourHas()
    {
        _directory.Account("alice@example.test");
        for (var i = 0; i < 30; i++)
        {
            var envelope = Numbered(i) with { Recipients = Asking("SUCCESS", "alice@example.test").Recipients };
            _store.Blobs[envelope.Blob] = _store.Blobs[Blob];
            await RunAsync(envelope);
        }

        Assert.Equal((30, 20), (_mailboxes.Entries.Count, _bus.Inbound.Count));
        Assert.DoesNotContain(_traces.Rows, r => r.Kind == "bounced");
    }

    // JAMES-3431: the name that the sender wrote stays with the recipient, wherever it is sent on to.
    [Fact]
    public async Task Run_OrcptOfWhatIsSentOn_StaysAsItCame()
    {
        _directory.Alias("team@example.test", "far@one.test");
        var envelope = Envelope("team@example.test");

        await RunAsync(envelope with { Recipients = [envelope.Recipients[0] with { Orcpt = "rfc822;old+2Bname@elsewhere.test" }] });

        Assert.Equal("rfc822;old+2Bname@elsewhere.test", Assert.Single(Assert.Single(_jobs.Rows.Values).Recipients).Orcpt);
    }

    [Fact]
    public async Task Run_MoreFailuresOfAnAccountThanAnHourHas_AreAllReportedToIt()
    {
        for (var i = 0; i < 30; i++)
        {
            var envelope = Numbered(i) with { Listener = ListenerKind.Submission, Client = Submitted().Client };
            _store.Blobs[envelope.Blob] = _store.Blobs[Blob];
            await RunAsync(envelope);
        }

        Assert.Equal(30, _bus.Inbound.Count);
    }

    [Fact]
    public async Task Run_MailToARewrittenSenderThatIsNoReport_IsNotSentBack()
    {
        var rewritten = Options.CreateSrs(TimeProvider.System)!.Rewrite(EmailAddress.Parse("sender@elsewhere.test")!, "example.test")!;

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope(rewritten.ToString())));

        Assert.Empty(_jobs.Rows);
        Assert.Equal("5.1.1", Assert.Single(await ReportsAsync())["Status"]);
    }

    [Fact]
    public async Task Run_FloodOfReportsToARewrittenSender_SendsBackNoMoreThanAnHourHas()
    {
        var rewritten = Options.CreateSrs(TimeProvider.System)!.Rewrite(EmailAddress.Parse("sender@elsewhere.test")!, "example.test")!;
        var flood = Enumerable.Range(0, 30).Select(i => Numbered(i) with
        {
            MailFrom = new ReversePath { Address = "" },
            Recipients = [new EnvelopeRecipient { Address = rewritten.ToString() }],
        }).ToList();
        foreach (var envelope in flood.Concat(flood))
        {
            _store.Blobs[envelope.Blob] = _store.Blobs[Blob];
            Assert.IsType<TriggerResult.Succeeded>(await RunAsync(envelope));
        }

        Assert.Equal(20, _jobs.Rows.Count);
        Assert.Equal(10, _traces.Rows.Count(r => r.Kind == "bounced" && r.Detail!.StartsWith("not sent back", StringComparison.Ordinal)));
    }

    /// <summary>One of many messages to an address that is gone.</summary>
    private static InboundEnvelope Numbered(int number)
    {
        var id = $"01939f5a-0000-7000-8000-{number:x12}";
        return Envelope("gone@example.test") with { Id = id, Blob = $"2026/11/23/{id}.eml", ReceivedAt = ReceivedAt.AddSeconds(number) };
    }

    private static InboundEnvelope Asking(string notify, params string[] recipients)
    {
        var envelope = Envelope(recipients);
        return envelope with { Recipients = [.. envelope.Recipients.Select(r => r with { Notify = notify })] };
    }

    private Task<MimeMessage> ReportAsync() =>
        MimeMessage.LoadAsync(new MemoryStream(_store.Blobs[Assert.Single(_bus.Inbound).Blob]), TestContext.Current.CancellationToken);

    /// <summary>The recipients' groups of fields of all reports.</summary>
    private async Task<List<HeaderList>> ReportsAsync()
    {
        var groups = new List<HeaderList>();
        foreach (var envelope in _bus.Inbound)
        {
            using var message = await MimeMessage.LoadAsync(
                new MemoryStream(_store.Blobs[envelope.Blob]), TestContext.Current.CancellationToken);
            groups.AddRange(
                ((MessageDeliveryStatus)((MultipartReport)message.Body!)[1]).StatusGroups.Where(g => g["Final-Recipient"] is not null));
        }

        return groups;
    }
}
