using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>
/// Replies of real servers that mail was lost, returned or doubled by: 530, STARTTLS refused, lines with differing codes.
/// </summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    [Theory]
    [InlineData("PIPELINING")]
    [InlineData("8BITMIME")]
    public async Task Recipient_Refused530_IsTheOnlyOneThatFails(string extension)
    {
        await using var mta = new ScriptedMta
        {
            Extensions = [extension],
            Script = line => line.Contains("<bad@", StringComparison.Ordinal) ? "530 5.7.1 Client was not authenticated" : null,
        };

        var results = await Attempts.RunAsync(mta, Attempts.Job("one@one.test", "bad@one.test", "two@one.test"));

        Assert.Equal(
            ["relayed 250 2.0.0 Taken", "failed 530 5.7.1 Client was not authenticated", "relayed 250 2.0.0 Taken"],
            results.Select(r => $"{r.Kind} {r.Reply}"));
        Assert.Equal(["RCPT TO:<one@one.test>", "RCPT TO:<two@one.test>"], Assert.Single(mta.Messages).Recipients);
    }

    [Theory]
    [InlineData(false, ResultKind.Failed, "5.7.1")]
    [InlineData(true, ResultKind.Deferred, "4.7.0")] // our login may be what is wrong
    public async Task Sender_Refused530_IsForGoodWithoutALogin(bool login, string kind, string status)
    {
        await using var mta = new ScriptedMta
        {
            Certificate = _authority.Issue("localhost"),
            ExtensionsUnderTls = ["AUTH PLAIN"],
            Script = line => line.StartsWith("MAIL", StringComparison.Ordinal) ? "530 5.7.1 Authentication required" : null,
        };
        var host = login
            ? Attempts.Host(mta, RelayTls.StartTls) with { Host = "localhost", UserName = "user", Password = "secret" }
            : Attempts.Host(mta);

        var result = Assert.Single(
            await Attempts.RunAsync(host, Attempts.Job("a@one.test"), change: o => o with { Authorities = _authority.Roots }));

        Assert.Equal((kind, status, "530 5.7.1 Authentication required"), (result.Kind, result.Status, result.Reply));
    }

    [Theory]
    [InlineData("MAIL", "PIPELINING")]
    [InlineData("MAIL", "8BITMIME")]
    [InlineData("RCPT", "PIPELINING")]
    public async Task StartTls_DemandedByAReplyAndNotTried_IsTried(string step, string extension)
    {
        ScriptedMta mta = null!;
        mta = new ScriptedMta
        {
            Certificate = _authority.Issue("else.test"),
            Extensions = [extension],
            Script = line => line.StartsWith(step, StringComparison.Ordinal) && !mta.Commands.Contains("STARTTLS")
                ? "530 5.7.0 Must issue a STARTTLS command first"
                : null,
        };
        await using (mta)
        {
            var result = Assert.Single(await Attempts.RunAsync(Attempts.Host(mta, RelayTls.None), Attempts.Job("a@one.test")));

            Assert.Equal(ResultKind.Relayed, result.Kind);
            Assert.Equal((1, 1, 1), (mta.Connections, mta.Messages.Count, mta.Commands.Count(c => c == "STARTTLS")));
        }
    }

    [Theory] // 421 to a recipient, of a peer that goes on listening (RFC 5321 §3.8 has it close)
    [InlineData("PIPELINING")]
    [InlineData("8BITMIME")]
    public async Task Recipient_Refused421_TakesNoneOfThoseThatThePeerWasNotAskedAbout(string extension)
    {
        await using var mta = new ScriptedMta
        {
            Extensions = [extension],
            Script = line => line.Contains("<two@", StringComparison.Ordinal) ? "421 4.7.0 Too fast" : null,
        };

        var results = await Attempts.RunAsync(mta, Attempts.Job("one@one.test", "two@one.test", "three@one.test"));

        // Of three@ it heard if it was asked all at once.
        Assert.Equal(["relayed", "deferred", extension == "PIPELINING" ? "relayed" : "deferred"], results.Select(r => r.Kind));
        Assert.Equal("421 4.7.0 Too fast", results[1].Reply);
        Assert.Equal(
            results.Where(r => r.Kind == ResultKind.Relayed).Select(r => $"RCPT TO:<{r.Recipient.Address}>"),
            Assert.Single(mta.Messages).Recipients);
    }

    [Theory] // the content of those that were taken is refused for good: what the others come to is not known yet
    [InlineData("552 5.3.4 Too big", "failed,deferred,deferred")]
    [InlineData("", "deferred,deferred,deferred")]
    public async Task Recipient_NotAskedAbout_IsNotRefusedWithTheOthers(string reply, string kinds)
    {
        await using var mta = new ScriptedMta
        {
            Extensions = ["8BITMIME"],
            Script = line => line.Contains("<two@", StringComparison.Ordinal) ? "421 4.7.0 Too fast" : line == "." ? reply : null,
        };

        var results = await Attempts.RunAsync(mta, Attempts.Job("one@one.test", "two@one.test", "three@one.test"));

        Assert.Equal(kinds, string.Join(',', results.Select(r => r.Kind)));
    }

    [Theory]
    [InlineData("MAIL")]
    [InlineData("RCPT")]
    [InlineData("DATA")]
    public async Task StartTls_TriedInVainAndThenDemanded_Defers(string step)
    {
        await using var mta = new ScriptedMta
        {
            Certificate = _authority.Issue("else.test"),
            Script = line => line == "STARTTLS" ? "454 4.7.0 TLS not available"
                : line.StartsWith(step, StringComparison.Ordinal) ? "530 5.7.0 Must issue STARTTLS first"
                : null,
        };

        var result = Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test")));

        Assert.Equal((ResultKind.Deferred, "4.7.0"), (result.Kind, result.Status));
        Assert.Empty(mta.Messages);
    }

    [Theory]
    [InlineData("454 4.7.0 TLS not available due to temporary reason", 1)]
    [InlineData("501 5.5.4 Syntax", 1)]
    [InlineData("502 5.5.1 Not implemented", 1)]
    [InlineData("554 5.7.3 Unable to initialize security subsystem", 1)]
    [InlineData("421 4.3.2 Closing", 2)]
    [InlineData("", 2)]
    public async Task StartTls_OfferedAndRefused_GoesOnInPlaintext(string reply, int connections)
    {
        var certificate = _authority.Issue("127.0.0.1");
        await using var mta = new ScriptedMta { Certificate = certificate, Script = line => line == "STARTTLS" ? reply : null };

        Assert.Equal(ResultKind.Relayed, Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test"))).Kind);

        Assert.Equal((connections, 1), (mta.Connections, mta.Messages.Count));
    }

    [Fact] // TLS 1.3: a peer that wants a certificate of ours, say, ends the connection when the handshake is over for us
    public async Task StartTls_ConnectionEndedBehindTheHandshake_GoesOnInPlaintext()
    {
        ScriptedMta mta = null!;
        mta = new ScriptedMta
        {
            Certificate = _authority.Issue("127.0.0.1"),
            Script = line =>
                line.StartsWith("EHLO", StringComparison.Ordinal) && mta.Commands.Contains("STARTTLS") && mta.Connections == 1 ? "" : null,
        };
        await using (mta)
        {
            var result = Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test")));

            Assert.Equal((ResultKind.Relayed, 2, 1), (result.Kind, mta.Connections, mta.Messages.Count));
        }
    }

    [Theory]
    [InlineData("STARTTLS")]
    [InlineData("EHLO")]
    public async Task StartTls_ConnectionEndedWhereTheSenderRequiresTls_IsNoRefusalForGood(string step)
    {
        ScriptedMta mta = null!;
        mta = new ScriptedMta
        {
            Certificate = _authority.Issue("127.0.0.1"),
            Script = line =>
                line.StartsWith(step, StringComparison.Ordinal) && (step == "STARTTLS" || mta.Commands.Contains("STARTTLS")) ? "" : null,
        };
        await using (mta)
        {
            var job = Attempts.Job("a@one.test");
            var result = Assert.Single(await Attempts.RunAsync(
                Attempts.Host(mta),
                job with { MailFrom = job.MailFrom with { RequireTls = true } },
                change: o => o with { Authorities = _authority.Roots }));

            Assert.Equal((ResultKind.Deferred, 1, 0), (result.Kind, mta.Connections, mta.Messages.Count));
        }
    }

    [Fact] // a peer, or what stands before it, that is silent where the handshake is due
    public async Task StartTls_HandshakeThatNeverComes_GoesOnInPlaintext()
    {
        var clock = new ManualTime();
        var never = new TaskCompletionSource();
        var options = new RelayOptions { HostName = "mail.example.test" };
        await using var mta = new ScriptedMta
        {
            Certificate = _authority.Issue("127.0.0.1"),
            Delay = async step =>
            {
                if (step == "HANDSHAKE")
                {
                    // for the client to have begun: it is right before, too, but shows less
                    await Task.Delay(500, TestContext.Current.CancellationToken);
                    clock.Advance(options.ConnectTimeout);
                    await never.Task;
                }
            },
        };

        var result = Assert.Single(await Attempts.RunAsync(Attempts.Host(mta), Attempts.Job("a@one.test"), time: clock));

        Assert.Equal((ResultKind.Relayed, 2, 1), (result.Kind, mta.Connections, mta.Messages.Count));
        never.SetResult();
    }

    [Theory]
    [InlineData("454 4.7.0 TLS not available")]
    [InlineData("")]
    public async Task StartTls_RefusedWhereItIsAMust_SendsNothing(string reply)
    {
        await using var mta = new ScriptedMta
        {
            Certificate = _authority.Issue("127.0.0.1"),
            Script = line => line == "STARTTLS" ? reply : null,
        };

        var result = Assert.Single(await Attempts.RunAsync(Attempts.Host(mta, RelayTls.StartTls), Attempts.Job("a@one.test")));

        Assert.Equal(ResultKind.Deferred, result.Kind);
        Assert.DoesNotContain(mta.Commands, c => c.StartsWith("MAIL", StringComparison.Ordinal));
        Assert.Equal(1, mta.Connections);
    }

    [Theory]
    [InlineData("MAIL")]
    [InlineData("RCPT")]
    [InlineData("DATA")]
    [InlineData(".")]
    public async Task Reply_LinesWithDifferingCodes_TheLastOneCounts(string step)
    {
        foreach (var (reply, kind, status) in ((string, string, string)[])[
            ("552-5.2.2 Over quota\r\n550-5.2.3 or too large\r\n552 5.2.2 either way", ResultKind.Failed, "5.2.2"),
            ("550-No\r\n451 4.2.0 Not now", ResultKind.Deferred, "4.2.0")])
        {
            await using var mta = new ScriptedMta { Script = line => line.StartsWith(step, StringComparison.Ordinal) ? reply : null };

            var result = Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test")));

            Assert.Equal((kind, status, reply[^7..]), (result.Kind, result.Status, result.Reply[^7..]));
        }
    }

    [Fact]
    public async Task Reply_LinesWithDifferingCodesBehindTheContent_TakesTheMessageOnce()
    {
        await using var mta = new ScriptedMta { Script = line => line == "." ? "451-4.3.0 Scanned late\r\n250 2.0.0 Taken" : null };

        Assert.Equal(ResultKind.Relayed, Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test"))).Kind);
    }

    [Theory] // of a row or an envelope that no edge of ours wrote
    [InlineData("a", "rfc822;a@one.test\r\nRCPT TO:<evil@one.test>", null)]
    [InlineData("a", null, "NEVER\nRCPT TO:<evil@one.test>")]
    [InlineData("a\r\nRCPT TO:<evil@one.test", null, null)]
    public async Task Envelope_WithALineBreak_IsNoCommandOfItsOwn(string local, string? orcpt, string? notify)
    {
        await using var mta = new ScriptedMta();
        var job = Attempts.Job("b@one.test");

        var results = await Attempts.RunAsync(
            mta,
            job with
            {
                Recipients = [new OutboundRecipient { Address = local + "@one.test", Orcpt = orcpt, Notify = notify }, .. job.Recipients],
            });

        Assert.All(results, r => Assert.Equal(ResultKind.Deferred, r.Kind));
        Assert.DoesNotContain(mta.Commands, c => c.StartsWith("RCPT TO:<evil", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Transaction_RefusedBeforeItsContent_IsEndedBeforeTheNextOne()
    {
        await using var mta = new ScriptedMta { Script = line => line.Contains("<a@", StringComparison.Ordinal) ? "550 5.1.1 No" : null };

        var results = await Attempts.RunAsync(
            Attempts.Host(mta), Attempts.Job("a@one.test", "b@one.test"), change: o => o with { MaxRecipients = 1 });

        Assert.Equal(["failed", "relayed"], results.Select(r => r.Kind));
        Assert.Equal(["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "QUIT"], mta.Commands.Select(c => c.Split(' ')[0]));
    }

    public void Dispose() => _authority.Dispose();
}
