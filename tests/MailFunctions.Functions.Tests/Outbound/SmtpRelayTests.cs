using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>One attempt against another server's port on loopback that behaves as the test says.</summary>
public sealed class SmtpRelayTests
{
    private const string Blob = "2026/11/23/m.eml";
    private static readonly byte[] Mail = Encoding.UTF8.GetBytes(
        "Received: by us\r\nsubject:  odd   spacing \r\nX-Long: folded\r\n\tand  again\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + "--b\r\n\r\n.dot\r\n..two\r\ntrailing blanks   \r\n8-bit äöü €\r\n--b\r\n");

    private readonly MemoryStore _store = new();

    public SmtpRelayTests() => _store.Blobs[Blob] = Mail;

    [Fact]
    public async Task Attempt_EightBitPeer_GetsEveryOctetAsItCame()
    {
        await using var mta = new ScriptedMta();

        var results = await AttemptAsync(mta, Job("8BITMIME", "a@one.test", "b@one.test"));

        var received = Assert.Single(mta.Messages);
        Assert.Equal(Mail, received.Content);
        Assert.Equal($"MAIL FROM:<alice@example.test> SIZE={Mail.Length} BODY=8BITMIME", received.Sender);
        Assert.Equal(["RCPT TO:<a@one.test>", "RCPT TO:<b@one.test>"], received.Recipients);
        Assert.All(results, r => Assert.Equal((ResultKind.Relayed, "2.0.0", "250 2.0.0 Taken"), (r.Kind, r.Status, r.Reply)));
        Assert.Equal(1, mta.Connections);
    }

    [Fact]
    public async Task Attempt_RandomContent_LeavesUnchanged()
    {
        await using var mta = new ScriptedMta();
        var random = new Random(7);
        for (var i = 0; i < 20; i++)
        {
            var body = Enumerable.Range(0, random.Next(1, 400)).Select(
                _ => random.Next(8) switch { 0 => ".", 1 => "", _ => new string((char)random.Next(33, 0x17f), random.Next(1, 200)) });
            _store.Blobs[Blob] = Encoding.UTF8.GetBytes("Subject: x\r\n\r\n" + string.Join("\r\n", body) + "\r\n");

            await AttemptAsync(mta, Job("8BITMIME", "a@one.test"));

            Assert.Equal(_store.Blobs[Blob], mta.Messages.Last().Content);
        }
    }

    [Fact]
    public async Task Attempt_MixedReplies_KeepsEachRecipientsOwn()
    {
        await using var mta = new ScriptedMta
        {
            Script = line => line.Contains(":<gone", StringComparison.Ordinal) ? "550 5.1.1 No such user"
                : line.Contains(":<busy", StringComparison.Ordinal) ? "450 4.2.1 Busy" : null,
        };

        var results = await AttemptAsync(mta, Job(null, "gone@one.test", "a@one.test", "busy@one.test"));

        Assert.Equal(
            ["failed 5.1.1 550 5.1.1 No such user", "relayed 2.0.0 250 2.0.0 Taken", "deferred 4.2.1 450 4.2.1 Busy"],
            results.Select(r => $"{r.Kind} {r.Status} {r.Reply}"));
        Assert.Equal(["RCPT TO:<a@one.test>"], Assert.Single(mta.Messages).Recipients);
    }

    [Theory]
    [InlineData("CONNECT", "554 5.7.1 Go away", ResultKind.Deferred)] // other hosts, and later: RFC 5321 §5.1
    [InlineData("CONNECT", "", ResultKind.Deferred)]
    [InlineData("EHLO", "", ResultKind.Deferred)]
    [InlineData("MAIL", "451 4.3.0 Later", ResultKind.Deferred)]
    [InlineData("MAIL", "550 5.7.1 Not you", ResultKind.Failed)]
    [InlineData("RCPT", "421 4.3.2 Closing", ResultKind.Deferred)]
    [InlineData("DATA", "451 4.3.0 Later", ResultKind.Deferred)]
    [InlineData("DATA", "554 5.6.0 No", ResultKind.Failed)]
    [InlineData("CONTENT", "", ResultKind.Deferred)]
    [InlineData(".", "", ResultKind.Deferred)]
    [InlineData(".", "452 4.3.1 Full", ResultKind.Deferred)]
    [InlineData(".", "554 5.7.1 Spam", ResultKind.Failed)]
    public async Task Attempt_TroubleAtOneStep_GivesEveryRecipientThatResult(string step, string reply, string kind)
    {
        foreach (var pipelining in (bool[])[true, false])
        {
            await using var mta = new ScriptedMta
            {
                Extensions = pipelining ? ["PIPELINING", "8BITMIME"] : ["8BITMIME"],
                Script = line => line.StartsWith(step, StringComparison.Ordinal) ? reply : null,
            };

            var results = await AttemptAsync(mta, Job(null, "a@one.test", "b@one.test"));

            Assert.Equal([kind, kind], results.Select(r => r.Kind));
            Assert.All(results, r => Assert.Equal(kind == ResultKind.Failed ? '5' : '4', r.Status[0]));
        }
    }

    [Fact]
    public async Task Attempt_NobodyListens_Defers()
    {
        var results = await AttemptAsync(
            new RelayHost("127.0.0.1", FreePorts.Next(), RelayTls.Opportunistic, null, null), Job(null, "a@one.test"));

        Assert.Equal((ResultKind.Deferred, "4.4.1"), (results[0].Kind, results[0].Status));
    }

    [Fact]
    public async Task Attempt_ASilentPeer_DefersAtTheTimeLimit()
    {
        var never = new TaskCompletionSource();
        await using var mta = new ScriptedMta { Delay = line => line == "." ? never.Task : Task.CompletedTask };

        var results = await AttemptAsync(mta, Job(null, "a@one.test"), new RelayOptions { AttemptTimeout = TimeSpan.FromSeconds(1) });

        Assert.Equal(ResultKind.Deferred, results[0].Kind);
        Assert.Contains("in time", results[0].Reply, StringComparison.Ordinal);
        never.SetResult();
    }

    [Fact]
    public async Task Attempt_DsnPeer_GetsNotifyRetAndEnvid()
    {
        await using var mta = new ScriptedMta();
        var job = Job(null, "a@one.test") with
        {
            MailFrom = new ReversePath { Address = "alice@example.test", Ret = "HDRS", Envid = "id 7" },
            Recipients = [new OutboundRecipient { Address = "a@one.test", Notify = "SUCCESS,DELAY" }],
        };

        var results = await AttemptAsync(mta, job);

        Assert.True(results[0].NotifiesItself);
        Assert.Contains("ENVID=id+207 RET=HDRS", Assert.Single(mta.Messages).Sender, StringComparison.Ordinal);
        Assert.Contains("NOTIFY=SUCCESS,DELAY", mta.Messages.First().Recipients[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attempt_SevenBitPeer_GetsTheBodyEncodedAnew()
    {
        await using var mta = new ScriptedMta { Extensions = ["PIPELINING"] };

        var results = await AttemptAsync(mta, Job("8BITMIME", "a@one.test"));

        Assert.Equal(ResultKind.Relayed, results[0].Kind);
        var received = Assert.Single(mta.Messages);
        Assert.DoesNotContain(received.Content, o => o > 127);
        Assert.DoesNotContain("BODY", received.Sender, StringComparison.Ordinal);
        using var message = MimeKit.MimeMessage.Load(new MemoryStream(received.Content), TestContext.Current.CancellationToken);
        Assert.Contains("8-bit äöü €", message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Attempt_SevenBitPeerAndASignedMessage_Fails()
    {
        _store.Blobs[Blob] = Encoding.UTF8.GetBytes(
            "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nä\r\n--b\r\n\r\nsignature\r\n--b--\r\n");
        await using var mta = new ScriptedMta { Extensions = [] };

        var results = await AttemptAsync(mta, Job("8BITMIME", "a@one.test"));

        Assert.Equal((ResultKind.Failed, "5.6.3"), (results[0].Kind, results[0].Status));
        Assert.Empty(mta.Messages);
    }

    [Fact]
    public async Task Attempt_InternationalAddressAndAPeerWithoutSmtpUtf8_Fails()
    {
        await using var mta = new ScriptedMta { Extensions = ["8BITMIME"] };
        var job = Job("8BITMIME", "böb@one.test") with
        {
            MailFrom = new ReversePath { Address = "alice@example.test", SmtpUtf8 = true, Body = "8BITMIME" },
        };

        Assert.Equal("5.6.7", (await AttemptAsync(mta, job))[0].Status);
    }

    [Fact]
    public async Task Attempt_InternationalAddressAndAPeerWithSmtpUtf8_IsSentAsIs()
    {
        await using var mta = new ScriptedMta();
        var job = Job("8BITMIME", "böb@one.test") with
        {
            MailFrom = new ReversePath { Address = "älice@example.test", SmtpUtf8 = true, Body = "8BITMIME" },
        };

        Assert.Equal(ResultKind.Relayed, (await AttemptAsync(mta, job))[0].Kind);

        Assert.Equal("RCPT TO:<böb@one.test>", Assert.Single(mta.Messages).Recipients[0]);
        Assert.StartsWith("MAIL FROM:<älice@example.test> SMTPUTF8", mta.Messages.First().Sender, StringComparison.Ordinal);
        Assert.Equal(Mail, mta.Messages.First().Content);
    }

    [Fact]
    public async Task Attempt_BadCertificate_IsTakenOpportunisticallyAndRefusedWhereTlsIsAskedFor()
    {
        using var authority = new TestAuthority();
        using var certificate = authority.Issue("elsewhere.test");
        await using var mta = new ScriptedMta { Certificate = certificate };

        var opportunistic = await AttemptAsync(mta, Job(null, "a@one.test"));
        var strict = await AttemptAsync(new RelayHost("127.0.0.1", mta.Port, RelayTls.StartTls, null, null), Job(null, "a@one.test"));

        Assert.Equal(ResultKind.Relayed, opportunistic[0].Kind);
        Assert.Contains("STARTTLS", mta.Commands);
        Assert.Equal(ResultKind.Deferred, strict[0].Kind);
        Assert.Single(mta.Messages);
    }

    [Fact]
    public async Task Attempt_TlsAskedForAndNotOffered_SendsNothing()
    {
        await using var mta = new ScriptedMta();

        var results = await AttemptAsync(
            new RelayHost("127.0.0.1", mta.Port, RelayTls.StartTls, "user", "secret"), Job(null, "a@one.test"));

        Assert.Equal(ResultKind.Deferred, results[0].Kind);
        Assert.DoesNotContain(mta.Commands, c => c.StartsWith("AUTH", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Attempt_RequireTlsAndAPeerWithout_Fails()
    {
        await using var mta = new ScriptedMta();
        var job = Job(null, "a@one.test") with { MailFrom = new ReversePath { Address = "alice@example.test", RequireTls = true } };

        Assert.Equal((ResultKind.Failed, "5.7.30"), ((await AttemptAsync(mta, job))[0].Kind, (await AttemptAsync(mta, job))[0].Status));
        Assert.Empty(mta.Messages);
    }

    private static OutboundJob Job(string? body, params string[] recipients) => new()
    {
        Id = "m-x",
        Domain = "one.test",
        MessageId = "m",
        Blob = Blob,
        Size = Mail.Length,
        MailFrom = new ReversePath { Address = "alice@example.test", Body = body },
        ReceivedAt = DateTimeOffset.UtcNow,
        Recipients = [.. recipients.Select(r => new OutboundRecipient { Address = r })],
        NextAttempt = DateTimeOffset.UtcNow,
    };

    private Task<IReadOnlyList<RecipientResult>> AttemptAsync(ScriptedMta mta, OutboundJob job, RelayOptions? options = null) =>
        AttemptAsync(new RelayHost("127.0.0.1", mta.Port, RelayTls.Opportunistic, null, null), job, options);

    private Task<IReadOnlyList<RecipientResult>> AttemptAsync(RelayHost host, OutboundJob job, RelayOptions? options = null)
    {
        options = (options ?? new RelayOptions()) with { HostName = "mail.example.test", Routes = [new RelayRoute("*", host)] };
        return TestedRelay.Create(options, new NoDns(), _store).AttemptAsync(job, TestContext.Current.CancellationToken);
    }

    private sealed class NoDns : IMailExchanges
    {
        public Task<Destination> FindAsync(string domain, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("DNS is not asked.");
    }
}
