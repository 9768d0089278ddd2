using System.Text;
using System.Text.Json;
using MailFunctions.Core.Envelopes;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Inbound;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Tests.Outbound;
using MailFunctions.Functions.Tests.Triggers;
using MailFunctions.Functions.Triggers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace MailFunctions.Functions.Tests.Inbound;

/// <summary>The trigger's work over ports in memory: every recipient gets one end, and doing it again changes nothing.</summary>
public sealed partial class InboundFunctionTests
{
    private const string Id = "01939f5a-0000-7000-8000-000000000001";
    private const string Blob = $"2026/11/23/{Id}.eml";
    private static readonly RelayOptions Options = new() { HostName = "mail.example.test", SrsKey = "a key of some length" };
    private static readonly DateTimeOffset ReceivedAt = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    private readonly MemoryDirectory _directory = new();
    private readonly MemoryStore _store = new();
    private readonly MemoryMailboxes _mailboxes = new();
    private readonly MemoryUnkeptMail _unkept = new();
    private readonly MemoryTraces _traces = new();
    private readonly MemoryJobs _jobs = new();
    private readonly MemoryBus _bus = new();
    private readonly MemoryAllowance _allowance = new();
    private TimeProvider _time = TimeProvider.System;

    public InboundFunctionTests() => _store.Blobs[Blob] = "Received: by us\r\nSubject: Hello\r\n\r\nBody"u8.ToArray();

    [Fact]
    public async Task Run_KnownRecipient_DeliversWithPrologueSizeAndSummary()
    {
        _directory.Account("alice@example.test");

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("alice@example.test")));

        var entry = Assert.Single(_mailboxes.Entries.Values).Entry;
        Assert.Equal("Return-Path: <sender@elsewhere.test>\r\nDelivered-To: alice@example.test\r\n", entry.Prologue);
        Assert.Equal(entry.Prologue.Length + _store.Blobs[Blob].Length + 2, entry.Size); // the missing line break is counted
        Assert.True(entry.LacksFinalLineBreak);
        Assert.Equal("Hello", entry.Subject);
        Assert.Equal(["accepted", "delivered"], _traces.Rows.Select(r => r.Kind).Order());
    }

    [Fact]
    public async Task Run_Twice_ChangesNothing()
    {
        _directory.Account("alice@example.test");
        await RunAsync(Envelope("alice@example.test"));
        var rows = _traces.Rows.ToHashSet();

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("alice@example.test")));

        Assert.Single(_mailboxes.Entries);
        Assert.True(rows.SetEquals(_traces.Rows));
    }

    [Fact]
    public async Task Run_AliasAndItsTarget_DeliverOnceAndTraceBoth()
    {
        _directory.Account("alice@example.test");
        _directory.Alias("info@example.test", "alice@example.test");

        await RunAsync(Envelope("info@example.test", "alice@example.test"));

        Assert.Single(_mailboxes.Entries);
        Assert.Equal(
            ["alice@example.test", "info@example.test"], _traces.Rows.Where(r => r.Kind == "delivered").Select(r => r.Address).Order());
    }

    [Fact]
    public async Task Run_SomeRecipientsUndeliverable_DeliversTheOthersAndReportsThemInOneReport()
    {
        _directory.Account("alice@example.test");
        _directory.Account("off@example.test", enabled: false);
        _directory.Account("full@example.test", quota: 1);
        string[] all = ["alice@example.test", "off@example.test", "full@example.test", "gone@example.test", "far@elsewhere.test"];

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope(all)));

        Assert.Single(_mailboxes.Entries);
        Assert.Equal(
            [
                "accepted", "bounced far@elsewhere.test", "bounced full@example.test", "bounced gone@example.test",
                "bounced off@example.test", "delivered alice@example.test"],
            _traces.Rows.Select(r => r.Kind == "accepted" ? r.Kind : $"{r.Kind} {r.Address}").Order(StringComparer.Ordinal));
        Assert.Equal(
            ["far@elsewhere.test 5.1.2", "full@example.test 5.2.2", "gone@example.test 5.1.1", "off@example.test 5.2.1"],
            (await ReportsAsync()).Select(r => $"{r["Final-Recipient"]![8..]} {r["Status"]}").Order(StringComparer.Ordinal));
        var report = Assert.Single(_bus.Inbound);
        Assert.Equal(
            ("", "sender@elsewhere.test", "internal"),
            (report.MailFrom.Address, Assert.Single(report.Recipients).Address, report.Listener));

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope(all)));

        Assert.Equal(6, _traces.Rows.Count); // the next delivery writes the same rows
        Assert.Equal(report.Id, Assert.Single(_bus.Inbound).Id); // and sends the same report
    }

    [Fact]
    public async Task Run_UndeliverableFromTheNullReversePath_FailsSoThatThePostmasterSeesIt()
    {
        var report = Envelope("gone@example.test") with { MailFrom = new ReversePath { Address = "" } };

        Assert.Contains(
            "gone@example.test: no such address",
            Assert.IsType<TriggerResult.Failed>(await RunAsync(report)).Reason,
            StringComparison.Ordinal);

        Assert.Empty(_bus.Inbound);
        Assert.Contains(_traces.Rows, r => r.Kind == "bounced");
        Assert.Equal([(Id, Blob)], _unkept.Notes); // housekeeping leaves it until the dead letter is gone
    }

    [Fact]
    public async Task Run_MessageThatAMailboxOrAJobHolds_IsNotNotedAsKeptByNobody()
    {
        _directory.Account("alice@example.test");

        await RunAsync(Envelope("alice@example.test", "gone@example.test"));
        await RunAsync(Submitted("gone@example.test", "far@elsewhere.test"));

        Assert.Empty(_unkept.Notes);
    }

    [Theory]
    [InlineData("NEVER")]
    [InlineData("SUCCESS,DELAY")]
    public async Task Run_UndeliverableAndNoReportWanted_EndsInTheTraceAlone(string notify)
    {
        var envelope = Envelope("gone@example.test");

        Assert.IsType<TriggerResult.Succeeded>(
            await RunAsync(envelope with { Recipients = [envelope.Recipients[0] with { Notify = notify }] }));

        Assert.Empty(_bus.Inbound);
        Assert.Equal(1, _traces.Rows.Count(r => r.Kind == "bounced"));
    }

    [Fact]
    public async Task Run_AliasWithATargetThatIsGone_ReportsThatTargetUnderTheNameThatWasWritten()
    {
        _directory.Account("alice@example.test");
        _directory.Alias("team+all@example.test", "alice@example.test", "gone@example.test");

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("team+all@example.test")));

        Assert.Contains(_traces.Rows, r => r.Kind == "bounced" && r.Detail!.StartsWith("gone@example.test", StringComparison.Ordinal));
        Assert.Contains(_traces.Rows, r => r.Kind == "delivered");
        var report = Assert.Single(await ReportsAsync());
        Assert.Equal(
            ("rfc822;team+all@example.test", "rfc822; gone@example.test"), (report["Original-Recipient"], report["Final-Recipient"]));
    }

    [Theory]
    [InlineData(100, 1)]
    [InlineData(101, 0)]
    public async Task Run_HopsOfAMessageThatIsSentOn_AreBounded(int hops, int jobs)
    {
        _directory.Alias("team@example.test", "far@one.test");
        _store.Blobs[Blob] = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("Received: by somebody\r\n", hops)) + "\r\nBody\r\n");

        await RunAsync(Envelope("team@example.test"));

        Assert.Equal((jobs, 1 - jobs), (_jobs.Rows.Count, _bus.Inbound.Count));
    }

    [Fact]
    public async Task Run_TwoAliasesThatSendOnToOneAddress_MakeOneJobWithTheFirstOnesName()
    {
        _directory.Alias("one@example.test", "far@one.test");
        _directory.Alias("two@example.test", "far@one.test");

        await RunAsync(Envelope("one@example.test", "two@example.test"));

        Assert.Equal("one@example.test", Assert.Single(_jobs.Rows.Values).DeliveredTo);
    }

    [Fact]
    public async Task Run_StoreAwayForAWhile_TriesAgainWithinTheInvocation()
    {
        _directory.Account("alice@example.test");
        _store.Failures = 1;

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("alice@example.test")));

        Assert.Single(_mailboxes.Entries);
    }

    [Fact]
    public async Task Run_BlobGone_FailsAndIsTraced()
    {
        _store.Blobs.Clear();

        Assert.IsType<TriggerResult.Failed>(await RunAsync(Envelope("alice@example.test")));

        Assert.Contains(_traces.Rows, r => r.Kind == "unreadable");
    }

    [Theory]
    [InlineData("not json", "can't be read")]
    [InlineData("null", "is null")]
    [InlineData("{}", "can't be read")]
    [InlineData("""{"v":2}""", "can't be read")]
    public async Task Run_NotAnEnvelope_FailsWithItsFault(string body, string expected)
    {
        var result = Assert.IsType<TriggerResult.Failed>(await RunAsync(Encoding.UTF8.GetBytes(body)));

        Assert.Contains(expected, result.Reason, StringComparison.Ordinal);
        Assert.Empty(_mailboxes.Entries);
    }

    [Fact]
    public async Task Run_EnvelopeOfAnotherVersionOrWithBadParts_FailsAndChangesNothing()
    {
        _directory.Account("alice@example.test");
        var good = Envelope("alice@example.test");
        foreach (var bad in (InboundEnvelope[])
            [
                good with { V = 2 }, good with { Id = "../x" }, good with { Blob = "other.eml" }, good with { Recipients = [] },
                Envelope("no address")])
        {
            Assert.IsType<TriggerResult.Failed>(await RunAsync(bad));
        }

        Assert.Empty(_mailboxes.Entries);
        Assert.Empty(_traces.Rows);
    }

    [Fact]
    public async Task Run_UnknownFields_AreIgnored()
    {
        _directory.Account("alice@example.test");
        var json = Encoding.UTF8.GetString(
            JsonSerializer.SerializeToUtf8Bytes(Envelope("alice@example.test"), EnvelopeJson.Default.InboundEnvelope));

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Encoding.UTF8.GetBytes(json[..^1] + ""","later":{"x":[1]}}""")));
    }

    [Fact]
    public async Task Run_SubmissionToOtherDomains_MakesOneJobADomainAndRingsIt()
    {
        _directory.Account("alice@example.test");
        var envelope = Submitted("alice@example.test", "a@one.test", "b@two.test", "c@one.test");

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(envelope));

        Assert.Equal(["one.test", "two.test"], _jobs.Rows.Values.Select(j => j.Domain).Order());
        var one = _jobs.Rows.Values.Single(j => j.Domain == "one.test");
        Assert.Equal(["a@one.test", "c@one.test"], one.Recipients.Select(r => r.Address));
        Assert.Equal((Blob, Id, 1, "queued"), (one.Blob, one.MessageId, one.Generation, one.State));
        Assert.Equal(_jobs.Rows.Keys.Order(), _bus.Alarms.Select(a => a.Job).Order());
        Assert.Single(_mailboxes.Entries);
    }

    [Fact]
    public async Task Run_SubmissionAgainAfterItsJobIsDone_SendsNothingAgain()
    {
        var envelope = Submitted("a@one.test");
        await RunAsync(envelope);
        var job = Assert.Single(_jobs.Rows.Values);
        _jobs.Rows[job.Id] = job with { State = "done", Recipients = [] };

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(envelope));

        Assert.Equal("done", Assert.Single(_jobs.Rows.Values).State);
        Assert.Single(_bus.Outbound);
    }

    [Fact]
    public async Task Run_MoreRecipientsThanAJobHolds_MakesSeveralWithEachRecipientOnce()
    {
        var recipients = Enumerable.Range(0, 120).Select(i => $"r{i}@one.test").ToArray();

        await RunAsync(Submitted(recipients));

        Assert.Equal(3, _jobs.Rows.Count);
        Assert.Equal(recipients.Order(), _jobs.Rows.Values.SelectMany(j => j.Recipients).Select(r => r.Address).Order());
    }

    [Fact]
    public async Task Run_AliasThatLeadsElsewhere_ForwardsWithARewrittenSenderThatReportsComeBackTo()
    {
        _directory.Account("alice@example.test");
        _directory.Alias("team@example.test", "alice@example.test", "far@one.test");

        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("team@example.test")));

        Assert.Single(_mailboxes.Entries);
        var job = Assert.Single(_jobs.Rows.Values);
        Assert.Equal(("far@one.test", "team@example.test"), (Assert.Single(job.Recipients).Address, job.DeliveredTo));
        Assert.Matches("^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=elsewhere.test=sender@example.test$", job.MailFrom.Address);

        _jobs.Rows.Clear();
        var report = Envelope(job.MailFrom.Address) with { MailFrom = new ReversePath { Address = "" } };
        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(report));

        var back = Assert.Single(_jobs.Rows.Values);
        Assert.Equal(
            ("", "sender@elsewhere.test", null), (back.MailFrom.Address, Assert.Single(back.Recipients).Address, back.DeliveredTo));
    }

    [Fact]
    public async Task Run_OtherDomainWithoutLogin_MakesNoJob()
    {
        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Envelope("a@one.test")));

        Assert.Empty(_jobs.Rows);
        Assert.Equal("5.1.2", Assert.Single(await ReportsAsync())["Status"]);
    }

    private static InboundEnvelope Submitted(params string[] recipients) => Envelope(recipients) with
    {
        Listener = ListenerKind.Submission,
        Client = new ClientInfo("192.0.2.1", "client.test", null, "alice@example.test"),
    };

    private static InboundEnvelope Envelope(params string[] recipients) => new()
    {
        Id = Id,
        ReceivedAt = ReceivedAt,
        Listener = ListenerKind.Mx,
        Client = new ClientInfo("192.0.2.1", "client.test", null, null),
        MailFrom = new ReversePath { Address = "sender@elsewhere.test" },
        Recipients = [.. recipients.Select(r => new EnvelopeRecipient { Address = r })],
        Size = 100,
        Blob = Blob,
    };

    private Task<TriggerResult> RunAsync(InboundEnvelope envelope) =>
        RunAsync(JsonSerializer.SerializeToUtf8Bytes(envelope, EnvelopeJson.Default.InboundEnvelope));

    private Task<TriggerResult> RunAsync(byte[] body) => Triggered.ByMessageAsync(new InboundFunction(
        new InboundDelivery(
            _store,
            new RecipientRouting(_directory, new ForwardedSender(Options, _time), TestedReports.Limit(Options, _allowance)),
            _mailboxes,
            new OutboundQueue(_jobs, _bus, TimeProvider.System),
            new DeliveryReports(TestedReports.Sender(_store, _bus, Options, _allowance)),
            _unkept,
            _traces),
        _traces,
        TimeProvider.System,
        NullLogger<InboundFunction>.Instance).RunAsync, body);
}
