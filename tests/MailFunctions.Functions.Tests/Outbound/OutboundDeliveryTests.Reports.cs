using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound;
using MimeKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <content>What is reported to the sender, when, and that it is reported once.</content>
public sealed partial class OutboundDeliveryTests
{
    /// <summary>A process of the release before does not know the state `reporting`, and leaves such a row without its results.</summary>
    [Fact]
    public async Task Process_ReportingWithoutResults_IsDone()
    {
        var job = await PutAsync("a@one.test");
        await _jobs.PutAsync(job with { State = JobState.Reporting, Recipients = [] }, CancellationToken.None);

        Assert.Equal(
            AttemptOutcome.Done, await ProcessAsync(new FakeRelay(_ => throw new InvalidOperationException("No attempt is made."))));

        Assert.Equal((JobState.Done, 1), (Row.State, _jobs.Released.Count));
        Assert.Empty(_bus.Inbound);
    }

    [Fact]
    public async Task FiveDaysOfDeferrals_EndInOneFailureReport()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Deferred, "4.4.1", "there.test can't be reached"));
        var accepted = _time.Now;
        await PutAsync("a@one.test");
        var waits = new List<TimeSpan>();
        while (await ProcessAsync(relay, Row.Generation) == AttemptOutcome.Deferred)
        {
            waits.Add(Row.NextAttempt - _time.Now);
            _time.Now = Row.NextAttempt;
        }

        Assert.Equal(TimeSpan.FromDays(5), _time.Now - accepted);
        Assert.InRange(relay.Attempts, 28, 40);
        Assert.InRange(waits[5], TimeSpan.FromHours(2), TimeSpan.FromHours(2.4));
        Assert.All(waits[6..^1], w => Assert.InRange(w, TimeSpan.FromHours(4), TimeSpan.FromHours(4.8)));
        Assert.Equal(JobState.Done, Row.State);
        var report = await ReportAsync(Assert.Single(_bus.Inbound)); // no NOTIFY: no word of the delay
        Assert.Equal("5.4.7", Groups(report)[1]["Status"]);
        Assert.Equal(1, _traces.Rows.Count(r => r.Kind == "bounced"));
    }

    [Fact]
    public async Task Delay_WithNotifyDelay_IsToldOnceAfterFourHours()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Deferred, "4.4.1", "there.test can't be reached"));
        var accepted = _time.Now;
        await PutAsync(new OutboundRecipient { Address = "a@one.test", Notify = "DELAY" });
        while (await ProcessAsync(relay, Row.Generation) == AttemptOutcome.Deferred)
        {
            Assert.Equal(_time.Now - accepted < TimeSpan.FromHours(4) ? 0 : 1, _bus.Inbound.Count);
            _time.Now = Row.NextAttempt;
        }

        var report = await ReportAsync(Assert.Single(_bus.Inbound)); // the failure was not asked for
        Assert.Equal("delayed", Groups(report)[1]["Action"]);
        Assert.NotNull(Groups(report)[1]["Will-Retry-Until"]);
    }

    [Fact]
    public async Task Failure_ReportHasEveryFieldOfRfc3464()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Failed, "5.1.1", "550 5.1.1 No such user", "mx.one.test"));
        await PutAsync(new OutboundRecipient { Address = "a@one.test", Orcpt = "rfc822;old+2Bname@one.test" });

        await ProcessAsync(relay);

        var envelope = Assert.Single(_bus.Inbound);
        Assert.Equal(
            ("", "internal", "alice@example.test"), (envelope.MailFrom.Address, envelope.Listener, envelope.Recipients[0].Address));
        Assert.Equal(_store.Blobs[envelope.Blob].Length, envelope.Size);
        var report = await ReportAsync(envelope);
        Assert.Equal("auto-replied", report.Headers[HeaderId.AutoSubmitted]);
        Assert.Equal("alice@example.test", report.To.Mailboxes.Single().Address);
        var body = Assert.IsType<MultipartReport>(report.Body);
        Assert.Equal("delivery-status", body.ReportType);
        Assert.Contains("550 5.1.1 No such user", Assert.IsType<TextPart>(body[0]).Text, StringComparison.Ordinal);
        var groups = Groups(report);
        Assert.Equal(("dns; mail.example.test", "envelope-7"), (groups[0]["Reporting-MTA"], groups[0]["Original-Envelope-Id"]));
        Assert.Equal(
            ("rfc822;old+name@one.test", "rfc822; a@one.test", "failed", "5.1.1", "dns; mx.one.test", "smtp; 550 5.1.1 No such user"),
            (
                groups[1]["Original-Recipient"], groups[1]["Final-Recipient"], groups[1]["Action"], groups[1]["Status"],
                groups[1]["Remote-MTA"], groups[1]["Diagnostic-Code"]));
        Assert.Equal("text/rfc822-headers", body[2].ContentType.MimeType); // RET was not FULL
        Assert.Contains("Subject: Hello", Content(body[2]), StringComparison.Ordinal);
        Assert.DoesNotContain("Body", Content(body[2]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failure_InOurOwnWords_GivesNoneToThePeer()
    {
        const string Words = "mx.one.test takes 5 octets at most, and the message has 6";
        await PutAsync("a@one.test");

        await ProcessAsync(new FakeRelay(job => Answer(job, ResultKind.Failed, "5.3.4", Words, "mx.one.test")));

        var report = await ReportAsync(Assert.Single(_bus.Inbound));
        Assert.Contains("    " + Words, ((TextPart)((MultipartReport)report.Body!)[0]).Text, StringComparison.Ordinal);
        Assert.Equal(
            (null, null, "5.3.4"), (Groups(report)[1]["Diagnostic-Code"], Groups(report)[1]["Remote-MTA"], Groups(report)[1]["Status"]));
    }

    [Fact]
    public async Task SeveralResultsOfOneAttempt_AreOneReport()
    {
        await PutAsync(
            [new OutboundRecipient { Address = "a@one.test" }, new OutboundRecipient { Address = "b@one.test", Notify = "SUCCESS" }]);

        await ProcessAsync(new FakeRelay(job =>
        [
            .. Answer(job with { Recipients = [job.Recipients[0]] }, ResultKind.Failed, "5.1.1", "550 5.1.1 No such user", "mx.one.test"),
            .. Answer(job with { Recipients = [job.Recipients[1]] }, ResultKind.Relayed, "2.0.0", "250 OK", "mx.one.test"),
        ]));

        Assert.Equal(["failed", "relayed"], Groups(await ReportAsync(Assert.Single(_bus.Inbound))).Skip(1).Select(g => g["Action"]));
    }

    [Fact]
    public async Task Failure_ToldByTwoFunctionsAtOnce_IsOneReport()
    {
        await PutAsync("a@one.test");
        _store.BeforeCommit = blob => _store.Blobs.TryAdd(blob, "the same report, by the other one"u8.ToArray());

        Assert.Equal(
            AttemptOutcome.Done,
            await ProcessAsync(new FakeRelay(job => Answer(job, ResultKind.Failed, "5.1.1", "550 5.1.1 No such user"))));

        Assert.Equal("the same report, by the other one".Length, Assert.Single(_bus.Inbound).Size);
    }

    [Fact]
    public async Task Failure_WithRetFull_ReturnsTheWholeMessage()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Failed, "5.1.1", "550 No"));
        var job = await PutAsync([new OutboundRecipient { Address = "a@one.test" }], ret: "FULL");
        await _jobs.PutAsync(job with { IsOurs = true }, CancellationToken.None);

        await ProcessAsync(relay);

        var body = (MultipartReport)(await ReportAsync(Assert.Single(_bus.Inbound))).Body!;
        Assert.Equal("Body", ((TextPart)Assert.IsType<MessagePart>(body[2]).Message!.Body!).Text.Trim());
    }

    [Fact]
    public async Task Failure_OfAMessageThatWasToBeProtected_ReturnsItsHeaderAlone()
    {
        var job = await PutAsync([new OutboundRecipient { Address = "a@one.test" }], ret: "FULL");
        await _jobs.PutAsync(job with { IsOurs = true, MailFrom = job.MailFrom with { RequireTls = true } }, CancellationToken.None);

        await ProcessAsync(new FakeRelay(j => Answer(j, ResultKind.Failed, "5.7.30", "no REQUIRETLS")));

        var body = (MultipartReport)(await ReportAsync(Assert.Single(_bus.Inbound))).Body!;
        Assert.Equal("text/rfc822-headers", body[2].ContentType.MimeType);
    }

    [Theory]
    [InlineData("NEVER", ResultKind.Failed, false, 0)]
    [InlineData("SUCCESS", ResultKind.Failed, false, 0)]
    [InlineData(null, ResultKind.Relayed, false, 0)]
    [InlineData("SUCCESS,FAILURE", ResultKind.Relayed, false, 1)]
    [InlineData("SUCCESS,FAILURE", ResultKind.Relayed, true, 0)]
    public async Task Notify_DecidesWhatIsTold(string? notify, string kind, bool peerTells, int reports)
    {
        var relay = new FakeRelay(job => [.. Answer(job, kind, "2.0.0", "reply").Select(r => r with { NotifiesItself = peerTells })]);
        await PutAsync(new OutboundRecipient { Address = "a@one.test", Notify = notify });

        await ProcessAsync(relay);

        Assert.Equal(reports, _bus.Inbound.Count);
    }

    [Fact]
    public async Task Failure_OfAReport_IsNotReported()
    {
        var relay = new FakeRelay(job => Answer(job, ResultKind.Failed, "5.1.1", "550 No"));
        await PutAsync(new OutboundRecipient { Address = "a@one.test" }, mailFrom: "");

        await ProcessAsync(relay);

        Assert.Empty(_bus.Inbound);
        Assert.Equal("bounced", Assert.Single(_traces.Rows).Kind);
    }

    private Task<MimeMessage> ReportAsync(InboundEnvelope envelope) =>
        MimeMessage.LoadAsync(new MemoryStream(_store.Blobs[envelope.Blob]), TestContext.Current.CancellationToken);

    private static HeaderListCollection Groups(MimeMessage report) =>
        ((MessageDeliveryStatus)((MultipartReport)report.Body!)[1]).StatusGroups;

    private static string Content(MimeEntity part)
    {
        var octets = new MemoryStream();
        part.WriteTo(octets, contentOnly: true);
        return Encoding.UTF8.GetString(octets.ToArray());
    }
}
