using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Tests.Limits;
using Xunit;

namespace MailFunctions.Protocols.Tests.Smtp;

/// <summary>What a session hands on of what the client said: the envelope, and the fields on top of the message.</summary>
public sealed class EnvelopeTests
{
    private const string Login = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABjb3JyZWN0IGhvcnNlIGJhdHRlcnk=";
    private const string Cipher = "(TLSv1.3 TLS_AES_256_GCM_SHA384)";

    [Fact]
    public async Task Data_EveryParameter_IsInTheEnvelope()
    {
        using var session = await TimedSession.StartAsync(tls: true);
        await SendAsync(
            session, "EHLO client.test", "MAIL FROM:<sender@sender.test> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb REQUIRETLS",
            "RCPT TO:<alice@example.test> NOTIFY=success,delay ORCPT=rfc822;Alice+2B1@example.test",
            "RCPT TO:<bob@example.test> NOTIFY=NEVER");

        var envelope = Assert.Single(session.Server.Accepted).Envelope;
        Assert.Equal(ListenerKind.Mx, envelope.Listener);
        Assert.Equal(new ClientInfo("192.0.2.1", "client.test", "TLSv1.3 TLS_AES_256_GCM_SHA384", null), envelope.Client);
        Assert.Equal(
            new ReversePath
            {
                Address = "sender@sender.test",
                Ret = "HDRS",
                Envid = "a+b",
                SmtpUtf8 = true,
                Body = "8BITMIME",
                RequireTls = true,
            },
            envelope.MailFrom);
        Assert.Equal(
            [
                new EnvelopeRecipient { Address = "alice@example.test", Notify = "SUCCESS,DELAY", Orcpt = "rfc822;Alice+2B1@example.test" },
                new EnvelopeRecipient { Address = "bob@example.test", Notify = "NEVER" },
            ],
            envelope.Recipients);
        Assert.Equal(session.Server.Accepted[0].Content.Length, envelope.Size);
        Assert.Equal($"2026/01/01/{envelope.Id}.eml", envelope.Blob);
        Assert.Null(envelope.HoldUntil);
    }

    /// <summary>Senders are as their own servers made them; what RFC 5321 §4.1.2 wants quoted is quoted from here on.</summary>
    [Theory]
    [InlineData("a..b@sender.test", "\"a..b\"@sender.test")]
    [InlineData("a.@sender.test", "\"a.\"@sender.test")]
    [InlineData("a@Mail_Out.sender.test", "a@mail_out.sender.test")]
    [InlineData("me+caf_=somebody.with.a.long.name=forwarded.example.test=1234567@sender.test", null)]
    public async Task Data_SenderElsewhere_IsInTheEnvelope(string sender, string? expected)
    {
        using var session = await TimedSession.StartAsync(tls: false);
        await SendAsync(session, "EHLO client.test", $"MAIL FROM:<{sender}>", "RCPT TO:<bob@example.test>");

        Assert.Equal(expected ?? sender, Assert.Single(session.Server.Accepted).Envelope.MailFrom.Address);
    }

    /// <summary>RFC 5322 §2.2: a header field is ASCII, whatever the client calls itself.</summary>
    [Theory]
    [InlineData("küche", "xn--kche-0ra ([192.0.2.1])")]
    [InlineData("Under_Score.test", "Under_Score.test ([192.0.2.1])")]
    [InlineData("[192.0.2.7]", "[192.0.2.7] ([192.0.2.1])")]
    [InlineData("(none)", "[192.0.2.1] (helo=?none?)")]
    [InlineData("Anna's-PC", "[192.0.2.1] (helo=Anna's-PC)")]
    [InlineData("a%b", "[192.0.2.1] (helo=a%b)")]
    [InlineData("x; (by me\\) ü \u202E", "[192.0.2.1] (helo=x; ?by me?? ? ?)")]
    public async Task Data_AnyHelo_IsWrittenSafely(string helo, string expected)
    {
        using var session = await TimedSession.StartAsync(tls: false);
        var octets = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(helo));
        await SendAsync(session, $"EHLO {octets}", "MAIL FROM:<a@sender.test>", "RCPT TO:<bob@example.test>");

        Assert.StartsWith(
            $"Received: from {expected}\r\n\tby mail.example.test with ESMTP\r\n", Content(session), StringComparison.Ordinal);
        Assert.Equal(helo, session.Server.Accepted[0].Envelope.Client.Helo);
    }

    /// <summary>However many recipients of a transaction are refused, and however it ends, the postmaster hears of it once.</summary>
    [Theory]
    [InlineData("RSET")]
    [InlineData("EHLO client.test")]
    [InlineData("QUIT")]
    [InlineData("RCPT TO:<bob@example.test>|DATA|.")]
    public async Task Rcpt_ManyRefusedInATransaction_AreToldAtItsEndOnce(string end)
    {
        using var session = await TimedSession.StartAsync(change: l => l with { BadCommands = 1000 });
        await session.AskAsync("EHLO client.test");
        await session.AskAsync("MAIL FROM:<a@sender.test>");
        for (var i = 0; i < 100; i++)
        {
            await session.AskAsync("RCPT TO:<full@example.test>");
            await session.AskAsync($"RCPT TO:<x@elsewhere{i}.test>");
        }

        Assert.Empty(session.Server.Refused);
        foreach (var command in end.Split('|'))
        {
            await session.AskAsync(command);
        }

        var refused = Assert.Single(session.Server.Refused);
        Assert.Equal((200, 20, "a@sender.test"), (refused.Count, refused.Recipients.Count, refused.ReversePath));
        Assert.Equal(
            ["full@example.test 452", "x@elsewhere0.test 550"], refused.Recipients.Take(2).Select(r => $"{r.Address} {r.Reply.Code}"));
    }

    [Theory]
    [InlineData("HOLDFOR=3600")]
    [InlineData("HOLDUNTIL=2026-01-01T01:00:00Z")]
    [InlineData("HOLDUNTIL=2026-01-01T02:00:00+01:00")]
    public async Task Data_FutureRelease_IsTheInstantInTheEnvelope(string parameter)
    {
        using var session = await TimedSession.StartAsync(kind: ListenerKind.Submission);
        await SendAsync(session, "EHLO client.test", Login, $"MAIL FROM:<alice@example.test> {parameter}", "RCPT TO:<bob@example.test>");

        Assert.Equal(new DateTimeOffset(2026, 1, 1, 1, 0, 0, TimeSpan.Zero), Assert.Single(session.Server.Accepted).Envelope.HoldUntil);
    }

    [Theory]
    [InlineData("HELO client.test", "", false, "SMTP")]
    [InlineData("EHLO client.test", "", false, "ESMTP")]
    [InlineData("EHLO client.test", "", true, "ESMTPS " + Cipher)]
    [InlineData("EHLO client.test", " SMTPUTF8", false, "UTF8SMTP")]
    [InlineData("EHLO client.test", " SMTPUTF8", true, "UTF8SMTPS " + Cipher)]
    public async Task Data_Mx_ReceivedSaysHow(string hello, string parameters, bool tls, string with)
    {
        using var session = await TimedSession.StartAsync(tls);
        await SendAsync(session, hello, $"MAIL FROM:<a@sender.test>{parameters}", "RCPT TO:<bob@example.test>");

        Assert.Equal(
            $"Received: from client.test ([192.0.2.1])\r\n\tby mail.example.test with {with}\r\n\tid {Id(session)}\r\n\tfor "
            + "<bob@example.test>;\r\n\t"
                +
            "Thu, 01 Jan 2026 00:00:00 +0000\r\nFrom: alice@example.test\r\n\r\nhello\r\n",
            Content(session));
    }

    [Theory]
    [InlineData("", false, "ESMTPA")]
    [InlineData("", true, "ESMTPSA " + Cipher)]
    [InlineData(" SMTPUTF8", true, "UTF8SMTPSA " + Cipher)]
    public async Task Data_Submission_ReceivedSaysHowAndMissingFieldsAreAdded(string parameters, bool tls, string with)
    {
        using var session = await TimedSession.StartAsync(tls, ListenerKind.Submission);
        await SendAsync(
            session, "EHLO client.test", Login, $"MAIL FROM:<alice@example.test>{parameters}", "RCPT TO:<bob@example.test>",
            "RCPT TO:<carol@example.test>");

        // Two recipients: neither is shown to the other (RFC 5321 §7.6).
        Assert.Equal(
            $"Received: from client.test ([192.0.2.1])\r\n\tby mail.example.test with {with}\r\n\tid {Id(session)};\r\n\t" +
            $"Thu, 01 Jan 2026 00:00:00 +0000\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{Id(session)}@mail.example.test>\r\n"
                +
            "From: alice@example.test\r\n\r\nhello\r\n",
            Content(session));
        Assert.Equal("alice@example.test", session.Server.Accepted[0].Envelope.Client.AuthenticatedAs);
    }

    private static async Task SendAsync(TimedSession session, params string[] commands)
    {
        foreach (var command in commands)
        {
            var reply = await session.AskAsync(command);
            Assert.True(reply[0] == '2', $"{command}: {reply}");
        }

        await session.AskAsync("DATA");
        Assert.StartsWith("250 2.6.0", await session.AskAsync("From: alice@example.test\r\n\r\nhello\r\n."), StringComparison.Ordinal);
    }

    private static string Id(TimedSession session) => session.Server.Accepted[0].Envelope.Id;

    private static string Content(TimedSession session) => Encoding.UTF8.GetString(session.Server.Accepted[0].Content);
}
