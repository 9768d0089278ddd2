using System.Collections.Concurrent;
using System.Diagnostics;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Telemetry;
using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.Protocols.Tests.Limits;
using Xunit;

namespace MailFunctions.Protocols.Tests.Smtp;

/// <summary>What a session tells of a message: its span, and its story. A listener is the whole process's, so this runs alone.</summary>
[Collection(MeasuredAlone.Name)]
public sealed class SpanTests
{
    private const string Hello = "EHLO client.test";
    private const string Mail = "MAIL FROM:<a@elsewhere.test>";

    [Fact]
    public async Task Transaction_WithAListener_IsASpanOfItsOwnThatTheIntakeSees()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = Listen(spans);
        using var session = await TimedSession.StartAsync();
        foreach (var _ in (int[])[1, 2])
        {
            await SendAsync(
                session,
                session.Server.Answered.Count == 0 ? [Hello, Mail, "RCPT TO:<bob@example.test>"] : [Mail, "RCPT TO:<bob@example.test>"]);
        }

        await session.AskAsync(Mail);
        await session.AskAsync("RSET");

        var (first, second, given) = (spans.ElementAt(0), spans.ElementAt(1), spans.ElementAt(2));
        Assert.Equal(3, spans.Count);
        Assert.All(spans, s => Assert.Equal((default, ActivityKind.Server), (s.ParentSpanId, s.Kind)));
        Assert.Equal(3, spans.Select(s => s.TraceId).Distinct().Count());
        Assert.Equal([first.Id, second.Id], session.Server.TraceParents);
        Assert.Equal(session.Server.Accepted[0].Envelope.Id, first.GetTagItem(MailSpans.MessageTag));
        Assert.Equal(
            [
                "mail.listener=mx", $"mail.message={session.Server.Accepted[0].Envelope.Id}", "mail.octets=17", "mail.recipients=1",
                "smtp.reply=250"],
            first.TagObjects.Select(t => $"{t.Key}={t.Value}").Order()); // and no address
        Assert.Equal((ActivityStatusCode.Unset, ActivityStatusCode.Error), (first.Status, given.Status));
        Assert.Null(Activity.Current);
    }

    [Fact]
    public async Task Transaction_ThatIsNotSampled_SaysSoToWhoeverGoesOn()
    {
        using var listener = Listen([], ActivitySamplingResult.PropagationData);
        using var session = await TimedSession.StartAsync();
        await SendAsync(session, Hello, Mail, "RCPT TO:<bob@example.test>");

        Assert.EndsWith("-00", Assert.Single(session.Server.TraceParents), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Transaction_WithoutAListener_HasNone()
    {
        using var session = await TimedSession.StartAsync();
        await SendAsync(session, Hello, Mail, "RCPT TO:<bob@example.test>");

        Assert.Equal([null], session.Server.TraceParents);
    }

    [Fact]
    public async Task Data_Taken_TellsItsStoryWithWhoWasRefused()
    {
        using var session = await TimedSession.StartAsync(tls: true);
        await session.AskAsync(Hello);
        await session.AskAsync(Mail);
        Assert.StartsWith("550", await session.AskAsync("RCPT TO:<nobody@example.test>"), StringComparison.Ordinal);
        await SendAsync(session, "RCPT TO:<bob@example.test>");

        var told = Assert.Single(session.Server.Answered);
        var envelope = Assert.Single(session.Server.Accepted).Envelope;
        Assert.Equal(
            (envelope.Id, ListenerKind.Mx, envelope.Client, "a@elsewhere.test", 250),
            (told.Id, told.Listener, told.Client, told.ReversePath, told.Reply.Code));
        Assert.Equal(["bob@example.test"], told.Recipients.Select(r => r.Address));
        var refused = Assert.Single(session.Server.Refused, r => r.Id == told.Id);
        Assert.Equal(["nobody@example.test 550"], refused.Recipients.Select(r => $"{r.Address} {r.Reply.Code}"));
    }

    [Fact]
    public async Task Data_RefusedByTheStore_TellsThatToo()
    {
        using var session = await TimedSession.StartAsync();
        session.Server.IntakeFails = true;
        await session.AskAsync(Hello);
        await session.AskAsync(Mail);
        await session.AskAsync("RCPT TO:<bob@example.test>");
        await session.AskAsync("DATA");
        Assert.StartsWith("451", await session.AskAsync("Subject: x\r\n\r\nx\r\n."), StringComparison.Ordinal);

        Assert.Equal(451, Assert.Single(session.Server.Answered).Reply.Code);
    }

    private static ActivityListener Listen(
        ConcurrentQueue<Activity> spans, ActivitySamplingResult sampling = ActivitySamplingResult.AllDataAndRecorded)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == MailSpans.SourceName,
            Sample = (ref _) => sampling,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private static async Task SendAsync(TimedSession session, params string[] commands)
    {
        foreach (var command in commands)
        {
            Assert.StartsWith("250", await session.AskAsync(command), StringComparison.Ordinal);
        }

        await session.AskAsync("DATA");
        Assert.StartsWith("250", await session.AskAsync("Subject: x\r\n\r\nx\r\n."), StringComparison.Ordinal);
    }
}
