using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Smtp;
using MailFunctions.Protocols.Tests.Harness;
using Xunit;

namespace MailFunctions.Protocols.Tests.Properties;

/// <summary>What holds for sessions whatever the client sends and however it is cut.</summary>
public sealed partial class SessionProperties
{
    private const string Login = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABjb3JyZWN0IGhvcnNlIGJhdHRlcnk=\r\n";

    private static readonly SmtpLimits Limits = new() { MessageOctets = 2000, Recipients = 5 };

    private static SmtpListener Narrow(SmtpListener listener) => listener with { Limits = Limits, BadCommands = 10 };

    /// <summary>Lines that clients send, good and bad, with octets in between that no client should.</summary>
    private static readonly string[] Lines =
    [
        "EHLO client.test\r\n", "HELO client.test\r\n", "EHLO\r\n", "MAIL FROM:<alice@example.test>\r\n",
        "MAIL FROM:<> SIZE=100 BODY=8BITMIME\r\n",
        "MAIL FROM:<alice@example.test> SIZE=99999\r\n", "MAIL FROM:<alice@example.test> BODY=BINARYMIME RET=HDRS ENVID=a+20b\r\n",
        "MAIL FROM:alice\r\n",
        "RCPT TO:<bob@example.test>\r\n", "RCPT TO:<bob@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@example.test\r\n",
        "RCPT TO:<off@example.test>\r\n",
        "RCPT TO:<nobody@example.test>\r\n", "RCPT TO:<x@elsewhere.test>\r\n", "RCPT TO:<Postmaster>\r\n",
        "RCPT TO:<@a.test,@b.test:bob@example.test>\r\n",
        "DATA\r\n", "From: alice@example.test\r\nSubject: x\r\n\r\nhello\r\n.\r\n", "..stuffed\r\n.\r\n", ".\r\n", "\r\n.\r\n",
        "a\nb\r\n.\r\n", "a\rb\r\n.\r\n",
        "BDAT 5\r\nhello", "BDAT 7 LAST\r\nhello\r\n", "BDAT 0 LAST\r\n", "BDAT 3000\r\n" + "{3000}", "BDAT x\r\n", "RSET\r\n", "NOOP\r\n",
        "VRFY bob\r\n",
        "EXPN list\r\n", "HELP\r\n", "QUIT\r\n", "STARTTLS\r\n", Login, "AUTH LOGIN\r\n", "AUTH SCRAM-SHA-256 biwsbj1hLHI9Yg==\r\n",
        "*\r\n", "AUTH PLAIN ====\r\n",
        "GET / HTTP/1.1\r\n", "xyzzy\r\n", " \r\n", "\r\n", "\n", "\r", "\0", "\xff\xfe\r\n", "NOOP \u00e4\r\n", "{2100}\r\n",
    ];

    private static readonly Gen<byte[]> Line = Gen.OneOf(Lines)
        .Select(l => Encoding.Latin1.GetBytes(
            Repeated().Replace(l, m => new string('x', int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)))));

    private static readonly Gen<byte[]> Talk = Gen.Frequency((8, Line), (1, Gen.Byte.Array[0, 40]))
        .Array[1, 25].Select(parts => parts.SelectMany(p => p).ToArray());

    private static readonly Gen<int[]> Cuts = Gen.Int[1, 200].Array[1, 30];

    [Theory]
    [InlineData(ListenerKind.Mx)]
    [InlineData(ListenerKind.Submission)]
    public async Task Smtp_AnyTalkCutInAnyWay_GetsTheSameReplies(string kind) =>
        await Gen.Select(Talk, Cuts).SampleAsync(
            async (talk, cuts) =>
            {
                byte[] dialog =
                    [.. Encoding.ASCII.GetBytes("EHLO client.test\r\n" + (kind == ListenerKind.Submission ? Login : "")), .. talk];
                var (whole, cut) = (new TestServer(), new TestServer());
                var expected = await Session.RunAsync(whole, kind, [dialog], Narrow, plaintextLogin: true);
                var actual = await Session.RunAsync(cut, kind, Cut(dialog, cuts), Narrow, plaintextLogin: true);

                Assert.Equal(expected.Select(Steady), actual.Select(Steady));
                Assert.Equal(
                    whole.Accepted.Select(m => Steady(Encoding.Latin1.GetString(m.Content))),
                    cut.Accepted.Select(m => Steady(Encoding.Latin1.GetString(m.Content))));
                Assert.Equal((0, 0), (whole.Open, cut.Open));
            },
            iter: 1500);

    [Fact]
    public async Task Smtp_RandomOctets_NeverThrowOrHangAndEveryReplyIsOne() =>
        await Gen.Byte.Array[0, 5000].SampleAsync(
            async octets =>
            {
                var server = new TestServer();
                var replies = await Session.RunAsync(server, ListenerKind.Submission, [octets], Narrow, plaintextLogin: true);

                Assert.All(replies, r => Assert.Matches(ReplyLine(), r));
                Assert.Equal(0, server.Open);
            },
            iter: 1000);

    [Fact]
    public async Task Pop3_RandomOctets_NeverThrowOrHang() =>
        await Gen.Frequency(
            (
                5,
                Gen.OneOf(
                    "USER alice@example.test\r\n", "PASS correct horse battery\r\n", "STAT\r\n", "LIST\r\n", "RETR 1\r\n", "TOP 1 1\r\n",
                    "DELE 1\r\n", "UIDL 9\r\n", "AUTH PLAIN\r\n", "CAPA\r\n", "RSET\r\n", "QUIT\r\n").Select(Encoding.ASCII.GetBytes)),
            (1, Gen.Byte.Array[0, 60])).Array[1, 30].SampleAsync(
            async parts =>
            {
                var server = new TestServer();
                server.Maildrop.Add("Subject: one\r\n\r\n.dot\r\n");
                var said = await Session.RunPop3Async(server, [parts.SelectMany(p => p).ToArray()]);

                Assert.StartsWith("+OK", said, StringComparison.Ordinal);
                Assert.EndsWith("\r\n", said, StringComparison.Ordinal);
            },
            iter: 1000);

    private static List<byte[]> Cut(byte[] octets, int[] cuts)
    {
        var pieces = new List<byte[]>();
        for (var (at, i) = (0, 0); at < octets.Length; i++)
        {
            var length = Math.Min(cuts[i % cuts.Length], octets.Length - at);
            pieces.Add(octets[at..(at + length)]);
            at += length;
        }

        return pieces;
    }

    /// <summary>Without what differs from one session to the next: ids, nonces and instants.</summary>
    private static string Steady(string reply) => Varying().Replace(reply, "…");

    [GeneratedRegex(@"\{(\d+)\}")]
    private static partial Regex Repeated();

    [GeneratedRegex(@"[0-9a-f]{8}-[0-9a-f-]{27}|FUTURERELEASE [^\n]*|334 cj1\S+|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000")]
    private static partial Regex Varying();

    [GeneratedRegex(@"^([2-5]\d\d-[^\r\n]*\n)*[2-5]\d\d [^\r\n]*$")]
    private static partial Regex ReplyLine();
}
