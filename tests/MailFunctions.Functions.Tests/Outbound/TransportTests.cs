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

/// <summary>What an attempt does with a peer's extensions, credentials, and with peers that mean harm.</summary>
public sealed class TransportTests : IDisposable
{
    private const string Blob = "2026/11/23/m.eml";

    private readonly MemoryStore _store = new() { Blobs = { [Blob] = "Subject: x\r\n\r\nHello\r\n"u8.ToArray() } };
    private readonly TestAuthority _authority = new();

    [Theory]
    [InlineData("SUCCESS,FAILURE", "rfc822;old+2Bname@else.test", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old+2Bname@else.test")]
    [InlineData("NEVER", "RFC822;old@else.test", "NOTIFY=NEVER ORCPT=RFC822;old@else.test")]
    [InlineData(null, "rfc822;old@else.test", "NOTIFY=FAILURE,DELAY ORCPT=rfc822;old@else.test")]
    [InlineData("DELAY", null, "NOTIFY=DELAY ORCPT=rfc822;a@one.test")]
    [InlineData("DELAY", "x400;/C=DE/", "NOTIFY=DELAY ORCPT=x400;/C=DE/")]
    [InlineData(null, null, "")]
    public async Task Dsn_PeerHasIt_GetsWhatTheSenderSaid(string? notify, string? orcpt, string expected)
    {
        foreach (var pipelining in (bool[])[true, false])
        {
            await using var mta = new ScriptedMta { Extensions = pipelining ? ["PIPELINING", "DSN"] : ["DSN"] };
            var job = Job(
                new OutboundRecipient { Address = "a@one.test", Notify = notify, Orcpt = orcpt },
                new OutboundRecipient { Address = "b@one.test" });

            var results = await AttemptAsync(Host(mta), job);

            Assert.Equal([$"RCPT TO:<a@one.test> {expected}".TrimEnd(), "RCPT TO:<b@one.test>"], Assert.Single(mta.Messages).Recipients);
            Assert.All(results, r => Assert.True(r.NotifiesItself));
            Assert.Equal(["a@one.test", "b@one.test"], results.Select(r => r.Recipient.Address));
        }
    }

    [Fact] // a report to a sender whose address is as long as one may be
    public async Task Dsn_AddressTooLongForAnOriginalRecipient_GoesWithoutOne()
    {
        await using var mta = new ScriptedMta();
        var address = new string('a', 490) + "@one.test";

        await AttemptAsync(Host(mta), Job(new OutboundRecipient { Address = address, Notify = "NEVER" }));

        Assert.Equal([$"RCPT TO:<{address}> NOTIFY=NEVER"], Assert.Single(mta.Messages).Recipients);
    }

    [Fact]
    public async Task Dsn_PeerHasItNot_GetsNothingOfItAndWeTell()
    {
        await using var mta = new ScriptedMta { Extensions = ["PIPELINING"] };
        var job = Job(new OutboundRecipient { Address = "a@one.test", Notify = "SUCCESS", Orcpt = "rfc822;a@one.test" }) with
        {
            MailFrom = new ReversePath { Address = "alice@example.test", Ret = "FULL", Envid = "x" },
        };

        var result = Assert.Single(await AttemptAsync(Host(mta), job));

        Assert.False(result.NotifiesItself);
        Assert.Equal(
            ("MAIL FROM:<alice@example.test>", "RCPT TO:<a@one.test>"),
            (Assert.Single(mta.Messages).Sender, mta.Messages.First().Recipients[0]));
    }

    [Fact]
    public async Task Recipients_MoreThanATransactionMayHave_GoInSeveralOverOneConnection()
    {
        await using var mta = new ScriptedMta { Script = line => line.Contains("<r3@", StringComparison.Ordinal) ? "550 5.1.1 No" : null };
        var recipients = Enumerable.Range(0, 7).Select(i => new OutboundRecipient { Address = $"r{i}@one.test" }).ToArray();

        var results = await AttemptAsync(Host(mta), Job(recipients), o => o with { MaxRecipients = 3 });

        Assert.Equal(recipients.Select(r => r.Address), results.Select(r => r.Recipient.Address));
        Assert.Equal(6, results.Count(r => r.Kind == ResultKind.Relayed));
        Assert.Equal([3, 2, 1], mta.Messages.Select(m => m.Recipients.Count));
        Assert.Equal(1, mta.Connections);
        Assert.All(mta.Messages, m => Assert.Equal(_store.Blobs[Blob], m.Content));
    }

    [Fact]
    public async Task Recipients_ConnectionLostBehindTheFirstTransaction_KeepsWhatWasTaken()
    {
        var transactions = 0;
        await using var mta = new ScriptedMta
        {
            Script = line => line.StartsWith("MAIL", StringComparison.Ordinal) && ++transactions == 2 ? "" : null,
        };
        var recipients = Enumerable.Range(0, 5).Select(i => new OutboundRecipient { Address = $"r{i}@one.test" }).ToArray();

        var results = await AttemptAsync(Host(mta), Job(recipients), o => o with { MaxRecipients = 2 });

        Assert.Equal(["relayed", "relayed", "deferred", "deferred", "deferred"], results.Select(r => r.Kind));
    }

    [Fact]
    public async Task Recipients_StoreGoneBehindTheFirstTransaction_KeepsWhatWasTaken()
    {
        await using var mta = new ScriptedMta();
        mta.Script = line =>
        {
            _store.Failures = line == "." ? 1 : _store.Failures;
            return null;
        };

        var results = await AttemptAsync(
            Host(mta), Job(new OutboundRecipient { Address = "a@one.test" }, new OutboundRecipient { Address = "b@one.test" }), o => o with
            {
                MaxRecipients = 1,
            });

        Assert.Equal(["relayed 2.0.0", "deferred 4.3.0"], results.Select(r => $"{r.Kind} {r.Status}"));
    }

    [Theory]
    [InlineData("SIZE 20", ResultKind.Failed, "5.3.4", false)]
    [InlineData("SIZE 21", ResultKind.Relayed, "2.0.0", true)]
    [InlineData("SIZE 0", ResultKind.Relayed, "2.0.0", true)]
    [InlineData("SIZE", ResultKind.Relayed, "2.0.0", true)]
    public async Task Size_MoreThanThePeerAnnounces_IsNotTried(string extension, string kind, string status, bool mail)
    {
        await using var mta = new ScriptedMta { Extensions = [extension] };

        var result = Assert.Single(await AttemptAsync(Host(mta), Job(new OutboundRecipient { Address = "a@one.test" })));

        Assert.Equal(
            (kind, status, mail), (result.Kind, result.Status, mta.Commands.Any(c => c.StartsWith("MAIL", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task BinaryMime_PeerHasIt_LeavesByBdatAsItCame()
    {
        var content = Binary();
        _store.Blobs[Blob] = content;
        await using var mta = new ScriptedMta { Extensions = ["8BITMIME", "CHUNKING", "BINARYMIME"] };

        await AttemptAsync(
            Host(mta),
            Job(new OutboundRecipient { Address = "a@one.test" }) with
            {
                Size = content.Length,
                MailFrom = new ReversePath { Address = "alice@example.test", Body = "BINARYMIME" },
            });

        Assert.Contains("BODY=BINARYMIME", Assert.Single(mta.Messages).Sender, StringComparison.Ordinal);
        Assert.Equal(content, mta.Messages.First().Content);
    }

    [Theory]
    [InlineData("8BITMIME")]
    [InlineData("PIPELINING")]
    public async Task BinaryMime_PeerHasItNot_LeavesEncodedAnew(string extension)
    {
        _store.Blobs[Blob] = Binary();
        await using var mta = new ScriptedMta { Extensions = [extension] };

        var result = Assert.Single(await AttemptAsync(
            Host(mta), Job(new OutboundRecipient { Address = "a@one.test" }) with
            {
                MailFrom = new ReversePath { Address = "alice@example.test", Body = "BINARYMIME" },
            }));

        Assert.Equal(ResultKind.Relayed, result.Kind); // RFC 3030 §3
        var received = Assert.Single(mta.Messages);
        Assert.DoesNotContain("BINARYMIME", received.Sender, StringComparison.Ordinal);
        using var message = MimeKit.MimeMessage.Load(new MemoryStream(received.Content), TestContext.Current.CancellationToken);
        using var decoded = new MemoryStream();
        ((MimeKit.MimePart)message.Body!).Content!.DecodeTo(decoded, TestContext.Current.CancellationToken);
        Assert.Equal(BinaryBody(), decoded.ToArray());
    }

    [Fact]
    public async Task DeliveredTo_OfAMessageThatIsSentOn_StandsBeforeTheContent()
    {
        foreach (var extension in (string[])["8BITMIME", "PIPELINING"])
        {
            _store.Blobs[Blob] = "Subject: x\r\n\r\nä\r\n"u8.ToArray();
            await using var mta = new ScriptedMta { Extensions = [extension] };

            await AttemptAsync(
                Host(mta), Job(new OutboundRecipient { Address = "a@one.test" }) with
                {
                    DeliveredTo = "team@example.test",
                    MailFrom = new ReversePath { Address = "x@example.test", Body = "8BITMIME" },
                });

            var text = Encoding.UTF8.GetString(Assert.Single(mta.Messages).Content);
            Assert.StartsWith("Delivered-To: team@example.test\r\nSubject: x\r\n", text, StringComparison.Ordinal);
            Assert.True(extension != "8BITMIME" || text.EndsWith("\r\n\r\nä\r\n", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("AUTH PLAIN", "AUTH PLAIN AHVzZXIAc2VjcmV0")]
    [InlineData("AUTH LOGIN", "AUTH LOGIN")]
    public async Task Smarthost_WithALogin_GetsItUnderTlsOnly(string offered, string expected)
    {
        await using var mta = new ScriptedMta
        {
            Certificate = _authority.Issue("localhost"),
            ExtensionsUnderTls = [offered],
            Script = line =>
                line.StartsWith("AUTH LOGIN", StringComparison.Ordinal)
                    ? "334 VXNlcm5hbWU6"
                    : line == "dXNlcg=="
                    ? "334 UGFzc3dvcmQ6"
                    : line == "c2VjcmV0"
                    ? "235 2.7.0 OK"
                    : null,
        };

        var results = await AttemptAsync(
            Host(mta) with { Host = "localhost", Tls = RelayTls.StartTls, UserName = "user", Password = "secret" },
            Job(new OutboundRecipient { Address = "a@one.test" }));

        Assert.Equal(ResultKind.Relayed, results[0].Kind);
        var commands = mta.Commands.ToList();
        Assert.InRange(
            commands.FindIndex(c => c.StartsWith(expected, StringComparison.Ordinal)), commands.IndexOf("STARTTLS") + 1, int.MaxValue);
    }

    [Theory]
    [InlineData("535 5.7.8 Wrong")]
    [InlineData("454 4.7.0 Later")]
    public async Task Smarthost_RefusesTheLogin_DefersAndKeepsThePasswordOutOfIt(string reply)
    {
        await using var mta = new ScriptedMta
        {
            Certificate = _authority.Issue("localhost"),
            ExtensionsUnderTls = ["AUTH PLAIN"],
            Script = line => line.StartsWith("AUTH", StringComparison.Ordinal) ? reply : null,
        };

        var result = Assert.Single(
            await AttemptAsync(
                Host(mta) with { Host = "localhost", Tls = RelayTls.StartTls, UserName = "user", Password = "secret" },
                Job(new OutboundRecipient { Address = "a@one.test" })));

        Assert.Equal(ResultKind.Deferred, result.Kind);
        Assert.DoesNotContain("secret", result.Reply, StringComparison.Ordinal);
        Assert.DoesNotContain("AHVzZXI", result.Reply, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("else.test", false)]
    public async Task Smarthost_ImplicitTls_NeedsACertificateOfItsName(string certified, bool taken)
    {
        await using var mta = new ScriptedMta { Certificate = _authority.Issue(certified), IsImplicitTls = true };

        var results = await AttemptAsync(
            Host(mta) with { Host = "localhost", Tls = RelayTls.Implicit }, Job(new OutboundRecipient { Address = "a@one.test" }));

        Assert.Equal((taken, taken ? 1 : 0), (results[0].Kind == ResultKind.Relayed, mta.Messages.Count));
        Assert.DoesNotContain("STARTTLS", mta.Commands);
    }

    [Fact]
    public async Task Opportunistic_HandshakeThatFails_GoesOnInPlaintext()
    {
        // A STARTTLS that is answered with nonsense, as an old server's.
        await using var mta = new ScriptedMta
        {
            Extensions = ["STARTTLS", "8BITMIME"],
            Script = line => line == "STARTTLS" ? "220 Ready\r\nand now for something else" : null,
            Certificate = null,
        };

        var results = await AttemptAsync(Host(mta), Job(new OutboundRecipient { Address = "a@one.test" }));

        Assert.Equal(ResultKind.Relayed, results[0].Kind);
        Assert.Equal(2, mta.Connections);
    }

    [Theory]
    [InlineData("CONNECT")]
    [InlineData("EHLO")]
    [InlineData("MAIL")]
    [InlineData("RCPT")]
    [InlineData("DATA")]
    [InlineData(".")]
    public async Task HostilePeer_RepliesWithoutEnd_IsLeftAtTheBound(string step)
    {
        foreach (var endless in (string[])[
            "250-" + new string('x', 10 * 1024 * 1024), string.Concat(Enumerable.Repeat("250-more\r\n", 1024 * 1024))])
        {
            await using var mta = new ScriptedMta { Script = line => line.StartsWith(step, StringComparison.Ordinal) ? endless : null };

            var result = Assert.Single(await AttemptAsync(Host(mta), Job(new OutboundRecipient { Address = "a@one.test" })));

            Assert.Equal((ResultKind.Deferred, "the connection with 127.0.0.1:" + mta.Port + " broke"), (result.Kind, result.Reply));
        }
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("99 x")]
    [InlineData("250-one\r\n251 two")]
    [InlineData("250\u0000\u0007 x")]
    [InlineData("\r\n\r\n")]
    public async Task HostilePeer_RepliesThatAreNone_Defer(string reply)
    {
        foreach (var step in (string[])["CONNECT", "EHLO", "MAIL", "RCPT", "."])
        {
            await using var mta = new ScriptedMta { Script = line => line.StartsWith(step, StringComparison.Ordinal) ? reply : null };

            var result =
                Assert.Single(await AttemptAsync(Host(mta), Job(new OutboundRecipient { Address = "a@one.test" }),
                    o => o with { CommandTimeout = TimeSpan.FromSeconds(2) }));

            Assert.True(result.Kind is ResultKind.Deferred or ResultKind.Relayed, step);
            Assert.DoesNotContain(result.Reply, char.IsControl);
        }
    }

    [Fact]
    public async Task SilentPeer_IsLeftAtTheTimeLimitOfACommand()
    {
        var time = new ManualTime();
        var never = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        await using var mta = new ScriptedMta
        {
            Delay = line =>
            {
                if (!line.StartsWith("MAIL", StringComparison.Ordinal))
                {
                    return Task.CompletedTask;
                }

                asked.SetResult();
                return never.Task;
            },
        };
        var attempt = AttemptAsync(
            Host(mta),
            Job(new OutboundRecipient { Address = "a@one.test" }),
            o => o with { CommandTimeout = TimeSpan.FromMinutes(1) },
            time);
        await asked.Task;

        while (!attempt.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(61)); // the attempt itself has four minutes, and is not what ends
            await Task.WhenAny(attempt, Task.Delay(20, TestContext.Current.CancellationToken));
        }

        Assert.Contains("in time", Assert.Single(await attempt).Reply, StringComparison.Ordinal);
        never.SetResult();
    }

    public void Dispose() => _authority.Dispose();

    private static byte[] BinaryBody() => [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * 7))];

    private static byte[] Binary() =>
        [.. "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"u8, .. BinaryBody()];

    private static RelayHost Host(ScriptedMta mta) => new("127.0.0.1", mta.Port, RelayTls.Opportunistic, null, null);

    private OutboundJob Job(params OutboundRecipient[] recipients) => new()
    {
        Id = "m-x",
        Domain = "one.test",
        MessageId = "m",
        Blob = Blob,
        Size = _store.Blobs[Blob].Length,
        MailFrom = new ReversePath { Address = "alice@example.test" },
        ReceivedAt = DateTimeOffset.UtcNow,
        Recipients = recipients,
        NextAttempt = DateTimeOffset.UtcNow,
    };

    private Task<IReadOnlyList<RecipientResult>> AttemptAsync(
        RelayHost host, OutboundJob job, Func<RelayOptions, RelayOptions>? change = null, TimeProvider? time = null)
    {
        var options = new RelayOptions
        {
            HostName = "mail.example.test",
            Routes = [new RelayRoute("*", host)],
            Authorities = _authority.Roots,
        };
        options = change?.Invoke(options) ?? options;
        return TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), _store, time: time).AttemptAsync(
            job, TestContext.Current.CancellationToken);
    }
}
