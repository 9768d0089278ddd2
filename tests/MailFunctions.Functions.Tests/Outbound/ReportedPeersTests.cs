using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>What public bug reports of other mail systems say of peers: their dialogs, and the outcome that is right.</summary>
public sealed class ReportedPeersTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    [Fact] // mjl-/mox#198: a peer that refuses in the middle of the content and hangs up; "unexpected EOF, transient"
    public async Task RefusedWithinTheContent_KeepsThePeersWords()
    {
        byte[] content = [.. "Subject: x\r\n\r\n"u8, .. Enumerable.Repeat("0123456789\r\n"u8.ToArray(), 1_000_000).SelectMany(l => l)];
        const string Refusal = "554 5.7.1 [HM08] Message rejected due to local policy";
        await using var mta = new ScriptedMta { Script = line => line == "CONTENT" ? Refusal : null };

        var result = Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test"), content));

        Assert.Equal((ResultKind.Failed, "5.7.1", Refusal), (result.Kind, result.Status, result.Reply));
        Assert.DoesNotContain("QUIT", mta.Commands);
    }

    [Theory] // a desynchronised peer: nothing was sent yet that it could have taken
    [InlineData("250 2.0.0 OK")]
    [InlineData("220 there")]
    public async Task DataAnsweredAsIfItWereDone_IsNotTaken(string reply)
    {
        await using var mta = new ScriptedMta { Script = line => line == "DATA" ? reply : null };

        var result = Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test")));

        Assert.Equal((ResultKind.Deferred, "4.4.2"), (result.Kind, result.Status));
    }

    [Fact] // hmailserver/hmailserver#29: a peer that knows HELO only
    public async Task EhloUnknown_GoesOnByHelo()
    {
        await using var mta = new ScriptedMta
        {
            Script = line => line.StartsWith("EHLO", StringComparison.Ordinal) ? "500 Command unrecognized" : null,
        };

        Assert.Equal(ResultKind.Relayed, Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test"))).Kind);

        Assert.Contains("HELO mail.example.test", mta.Commands);
        Assert.Equal("MAIL FROM:<alice@example.test>", Assert.Single(mta.Messages).Sender);
    }

    [Theory] // PHPMailer/PHPMailer#2189, Purelymail#388: HELO behind a closed connection hid the words, and 421 was for good
    [InlineData("EHLO", "421 EHLO MXIN201 Your HELO/EHLO is not matching your DNS configuration")]
    [InlineData("CONNECT", "421 4.3.2 too many connections, please try again later")]
    public async Task ClosingReply_DefersWithItsWords(string step, string reply)
    {
        await using var mta = new ScriptedMta { Script = line => line.StartsWith(step, StringComparison.Ordinal) ? reply : null };

        var result = Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test")));

        Assert.Equal((ResultKind.Deferred, reply), (result.Kind, result.Reply));
        Assert.DoesNotContain(mta.Commands, c => c.StartsWith("HELO", StringComparison.Ordinal));
    }

    [Fact] // qbittorrent/qBittorrent#1845: a greeting of many lines, some without text
    public async Task LongGreeting_IsOneGreeting()
    {
        const string Greeting = "220-there ESMTP\r\n220-*\r\n220-\r\n220-No unsolicited mail\r\n220 ";
        await using var mta = new ScriptedMta { Script = line => line == "CONNECT" ? Greeting : null };

        Assert.Equal(ResultKind.Relayed, Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test"))).Kind);
    }

    [Fact] // thunderbird/thunderbird-android#8715: `AUTH=` of Postfix's broken_sasl_auth_clients beside `AUTH`
    public async Task LoginsInTheOldForm_AreLoginsToo()
    {
        foreach (var extensions in (string[][])[["AUTH PLAIN", "AUTH=PLAIN"], ["AUTH=LOGIN PLAIN"], ["auth=plain"]])
        {
            await using var mta = new ScriptedMta { Certificate = _authority.Issue("localhost"), ExtensionsUnderTls = extensions };
            var host = Attempts.Host(mta, RelayTls.StartTls) with { Host = "localhost", UserName = "user", Password = "secret" };

            var results = await Attempts.RunAsync(host, Attempts.Job("a@one.test"), change: o => o with { Authorities = _authority.Roots });

            Assert.Equal(ResultKind.Relayed, Assert.Single(results).Kind);
            Assert.Contains("AUTH PLAIN AHVzZXIAc2VjcmV0", mta.Commands);
        }
    }

    [Theory] // jstedfast/MailKit#695, #1748, #827: a peer that hangs up, or is silent, behind its 250
    [InlineData("")]
    [InlineData("nonsense")]
    public async Task TakenAndThenGone_IsTaken(string reply)
    {
        await using var mta = new ScriptedMta { Script = line => line == "QUIT" ? reply : null };

        Assert.Equal(ResultKind.Relayed, Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test"))).Kind);
    }

    [Fact]
    public async Task TakenAndThenSilent_IsWrittenDownSoon()
    {
        var never = new TaskCompletionSource();
        await using var mta = new ScriptedMta { Delay = line => line == "QUIT" ? never.Task : Task.CompletedTask };

        var attempt = Attempts.RunAsync(mta, Attempts.Job("a@one.test")); // a command has three minutes

        Assert.Same(attempt, await Task.WhenAny(attempt, Task.Delay(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken)));
        Assert.Equal(ResultKind.Relayed, Assert.Single(await attempt).Kind);
        never.SetResult();
    }

    [Theory] // RFC 5321 §4.5.3.1.10
    [InlineData("452 4.5.3 Too many recipients", "PIPELINING")]
    [InlineData("552 Too many recipients", "PIPELINING")]
    [InlineData("552 5.5.3 Limit reached", "8BITMIME")]
    public async Task TooManyRecipients_GoInTheNextTransactionOfTheConnection(string reply, string extension)
    {
        var taken = 0;
        await using var mta = new ScriptedMta
        {
            Extensions = [extension],
            Script = line =>
            {
                taken = line.StartsWith("MAIL", StringComparison.Ordinal) ? 0 : line.StartsWith("RCPT", StringComparison.Ordinal) ? taken
                    + 1 : taken;
                return taken > 2 && line.StartsWith("RCPT", StringComparison.Ordinal) ? reply : null;
            },
        };

        var results = await Attempts.RunAsync(mta, Attempts.Job([.. Enumerable.Range(0, 5).Select(i => $"r{i}@one.test")]));

        Assert.Equal(["relayed", "relayed", "relayed", "relayed", "relayed"], results.Select(r => r.Kind));
        Assert.Equal([2, 2, 1], mta.Messages.Select(m => m.Recipients.Count));
        Assert.Equal(5, mta.Messages.SelectMany(m => m.Recipients).Distinct().Count());
        Assert.Equal(1, mta.Connections);
    }

    [Fact]
    public async Task TooManyRecipients_WhereNoneIsTaken_Defers()
    {
        await using var mta = new ScriptedMta
        {
            Script = line => line.StartsWith("RCPT", StringComparison.Ordinal) ? "552 too many recipients" : null,
        };

        var results = await Attempts.RunAsync(mta, Attempts.Job("a@one.test", "b@one.test"));

        Assert.Equal(["deferred 4.5.3", "deferred 4.5.3"], results.Select(r => $"{r.Kind} {r.Status}"));
        Assert.Equal(1, mta.Commands.Count(c => c.StartsWith("MAIL", StringComparison.Ordinal)));
    }

    [Theory] // rnwood/smtp4dev#5: lines behind the end of a reply
    [InlineData("EHLO", "250 Nice to meet you\r\nSIZE")]
    [InlineData("MAIL", "250 OK\r\n250 OK")]
    public async Task RepliesTooMany_NeverMakeAMessageTakenThatWasNot(string step, string reply)
    {
        await using var mta = new ScriptedMta
        {
            Script = line => line.StartsWith(step, StringComparison.Ordinal) ? reply : line == "DATA" ? "554 5.5.1 No" : null,
        };

        Assert.NotEqual(ResultKind.Relayed, Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test"))).Kind);
    }

    [Fact] // a greeting that is none, in a class of its own
    public async Task GreetingOfAnotherClass_IsADeferral()
    {
        await using var mta = new ScriptedMta { Script = line => line == "CONNECT" ? "250 2.0.0 Hello" : null };

        var result = Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test")));

        Assert.Equal((ResultKind.Deferred, "4.4.1"), (result.Kind, result.Status));
    }

    [Fact] // suitenumerique/messages#687: a certificate of another name is no reason for plaintext
    public async Task OpportunisticTls_OfAnotherName_IsKept()
    {
        await using var mta = new ScriptedMta
        {
            Certificate = _authority.Issue("else.test", TimeSpan.FromDays(-1)),
            ExtensionsUnderTls = ["X-SECURE"],
        };

        Assert.Equal(ResultKind.Relayed, Assert.Single(await Attempts.RunAsync(mta, Attempts.Job("a@one.test"))).Kind);

        Assert.Equal(["EHLO", "STARTTLS", "EHLO", "MAIL"], mta.Commands.Take(4).Select(c => c.Split(' ')[0]));
    }

    public void Dispose() => _authority.Dispose();
}
