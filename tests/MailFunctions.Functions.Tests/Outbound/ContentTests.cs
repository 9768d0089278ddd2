using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.TestKit;
using MimeKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>What content and addresses are decides how they leave, not what their sender declared.</summary>
public sealed class ContentTests
{
    private const string ALabel = "xn--bcher-kva.test";

    [Theory]
    [InlineData("bücher.test")]
    [InlineData(ALabel)]
    public async Task Idn_AsciiMessage_LeavesWithALabelsAndWithoutSmtpUtf8(string domain)
    {
        foreach (var extensions in (string[][])[["SMTPUTF8", "8BITMIME"], ["SMTPUTF8", "8BITMIME", "DSN", "PIPELINING"], []])
        {
            await using var mta = new ScriptedMta { Extensions = extensions };
            var job = Attempts.Job($"bob@{domain}") with { MailFrom = new ReversePath { Address = $"alice@{domain}", SmtpUtf8 = true } };

            Assert.Equal(ResultKind.Relayed, (await Attempts.RunAsync(mta, job))[0].Kind);

            var mail = Assert.Single(mta.Messages);
            Assert.Equal(($"MAIL FROM:<alice@{ALabel}>", $"RCPT TO:<bob@{ALabel}>"), (mail.Sender, mail.Recipients[0]));
        }
    }

    [Theory]
    [InlineData("älice@example.test", "a@one.test", "Subject: x", false, true)]
    [InlineData("alice@example.test", "ä@bücher.test", "Subject: x", false, true)] // an alias's target: nothing was declared
    [InlineData("alice@example.test", "a@one.test", "Subject: ä", true, true)]
    [InlineData("alice@example.test", "a@one.test", "Subject: ä", false, false)] // octets of an older time, passed on as they came
    [InlineData("alice@example.test", "a@one.test", "Subject: x", true, false)]
    public async Task SmtpUtf8_IsAskedForWhereSomethingNeedsIt(string from, string to, string header, bool declared, bool asked)
    {
        var content = Encoding.UTF8.GetBytes(header + "\r\n\r\nä\r\n");
        var job = Attempts.Job(to) with { MailFrom = new ReversePath { Address = from, SmtpUtf8 = declared } };
        await using var with = new ScriptedMta();
        await using var without = new ScriptedMta { Extensions = ["8BITMIME"] };

        Assert.Equal(ResultKind.Relayed, (await Attempts.RunAsync(with, job, content))[0].Kind);
        Assert.Equal(asked ? "5.6.7" : "2.0.0", (await Attempts.RunAsync(without, job, content))[0].Status);

        var mail = Assert.Single(with.Messages);
        Assert.Equal(asked, mail.Sender.Contains("SMTPUTF8", StringComparison.Ordinal));
        Assert.EndsWith("BODY=8BITMIME", mail.Sender, StringComparison.Ordinal);
        Assert.Equal(content, mail.Content);
        Assert.Equal(asked ? 0 : 1, without.Messages.Count);
    }

    [Fact]
    public async Task SmtpUtf8_OfOneRecipient_IsNotAskedForTheOthers()
    {
        var job = Attempts.Job("a@one.test", "ä@one.test", "b@one.test");
        await using var with = new ScriptedMta { Extensions = ["SMTPUTF8", "8BITMIME"] };
        await using var without = new ScriptedMta { Extensions = ["8BITMIME"] };

        Assert.All(await Attempts.RunAsync(with, job), r => Assert.Equal(ResultKind.Relayed, r.Kind));
        var results = await Attempts.RunAsync(without, job);

        Assert.Equal(
            ["MAIL FROM:<alice@example.test> 2", "MAIL FROM:<alice@example.test> SMTPUTF8 1"],
            with.Messages.Select(m => $"{m.Sender} {m.Recipients.Count}"));
        Assert.Equal(
            ["a@one.test relayed", "b@one.test relayed", "ä@one.test failed"], results.Select(r => $"{r.Recipient.Address} {r.Kind}"));
    }

    [Theory]
    [InlineData("7BIT")]
    [InlineData(null)]
    public async Task EightBitContent_NotDeclared_IsAnnouncedOrEncodedAnew(string? declared)
    {
        var content = "Subject: x\r\n\r\nGrüße\r\n"u8.ToArray();
        var job = Attempts.Job("a@one.test") with { MailFrom = new ReversePath { Address = "alice@example.test", Body = declared } };
        await using var eightBit = new ScriptedMta { Extensions = ["8BITMIME"] };
        await using var sevenBit = new ScriptedMta { Extensions = ["PIPELINING"] };

        await Attempts.RunAsync(eightBit, job, content);
        await Attempts.RunAsync(sevenBit, job, content);

        Assert.Equal("MAIL FROM:<alice@example.test> BODY=8BITMIME", Assert.Single(eightBit.Messages).Sender);
        Assert.Equal(content, eightBit.Messages.First().Content);
        var encoded = Assert.Single(sevenBit.Messages);
        Assert.Equal("MAIL FROM:<alice@example.test>", encoded.Sender);
        Assert.DoesNotContain(encoded.Content, o => o > 127);
        Assert.Contains("MIME-Version: 1.0\r\n", encoded.Text(), StringComparison.Ordinal); // RFC 2045 §4
        using var message = Load(encoded.Content);
        Assert.Equal("Grüße", message.TextBody!.Trim());
    }

    [Fact]
    public async Task EightBitDeclared_AsciiContent_IsNotAnnounced()
    {
        var job = Attempts.Job("a@one.test") with { MailFrom = new ReversePath { Address = "alice@example.test", Body = "8BITMIME" } };
        foreach (var extension in (string[])["8BITMIME", "PIPELINING"])
        {
            await using var mta = new ScriptedMta { Extensions = [extension] };

            await Attempts.RunAsync(mta, job);

            Assert.Equal(
                ("MAIL FROM:<alice@example.test>", "Subject: x\r\n\r\nHello\r\n"),
                (Assert.Single(mta.Messages).Sender, mta.Messages.First().Text()));
        }
    }

    [Fact]
    public async Task EightBitEverywhere_SevenBitPeer_GetsAsciiThatReadsTheSame()
    {
        var content = Encoding.UTF8.GetBytes(
            "From: Jörg <joerg@example.test>\r\nTo: undisclosed:;\r\nSubject: Grüße aus Köln\r\nMIME-Version: 1.0\r\nContent-Type: "
                + "multipart/mixed; boundary=b\r\n\r\n"
            + "präambel\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Description: Überblick\r\n\r\näöü\r\n"
            + "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Weitergeleitet: für dich\r\nContent-Type: "
                + "text/plain; charset=utf-8\r\n\r\nß\r\n"
            + "--b\r\nContent-Type: application/octet-stream; name=\"ä.bin\"\r\n\r\n\u0080\u0081\r\n--b--\r\nepilög\r\n");
        await using var mta = new ScriptedMta { Extensions = [] };

        Assert.Equal(ResultKind.Relayed, (await Attempts.RunAsync(mta, Attempts.Job("a@one.test"), content))[0].Kind);

        Assert.DoesNotContain(Assert.Single(mta.Messages).Content, o => o > 127);
        using var message = Load(mta.Messages.First().Content);
        Assert.Equal(("Grüße aus Köln", "Jörg", "äöü"), (message.Subject, message.From.Mailboxes.Single().Name, message.TextBody!.Trim()));
        var nested = Assert.Single(((Multipart)message.Body!).OfType<MessagePart>()).Message!;
        Assert.Equal(("Weitergeleitet: für dich", "ß"), (nested.Subject, nested.TextBody!.Trim()));
        Assert.Equal("ä.bin", message.BodyParts.OfType<MimePart>().Last().FileName);
    }

    [Fact]
    public async Task BareBreaks_NotDeclared_NeverLeaveByData()
    {
        var content = "Subject: x\r\n\r\nhello\n.\nMAIL FROM:<x@y>\r.\r\nend\r"u8.ToArray();
        await using var data = new ScriptedMta { Extensions = ["8BITMIME"] };
        await using var chunks = new ScriptedMta { Extensions = ["8BITMIME", "CHUNKING", "BINARYMIME"] };

        Assert.Equal(ResultKind.Relayed, (await Attempts.RunAsync(data, Attempts.Job("a@one.test"), content))[0].Kind);
        Assert.Equal(ResultKind.Relayed, (await Attempts.RunAsync(chunks, Attempts.Job("a@one.test"), content))[0].Kind);

        Assert.DoesNotContain(["\r", "\n"], Assert.Single(data.Messages).Text().Replace("\r\n", "", StringComparison.Ordinal).Contains);
        Assert.Contains("hello\r\n.\r\nMAIL FROM:<x@y>\r\n.\r\nend\r\n", data.Messages.First().Text(), StringComparison.Ordinal);
        Assert.Equal(content, Assert.Single(chunks.Messages).Content);
        Assert.EndsWith("BODY=BINARYMIME", chunks.Messages.First().Sender, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BinaryContent_LongerThanAChunk_LeavesInSeveral()
    {
        byte[] content = [.. "Content-Transfer-Encoding: binary\r\n\r\n"u8, .. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 7))];
        var job = Attempts.Job("a@one.test") with { MailFrom = new ReversePath { Address = "alice@example.test", Body = "BINARYMIME" } };
        await using var mta = new ScriptedMta { Extensions = ["8BITMIME", "CHUNKING", "BINARYMIME"] };

        Assert.Equal(ResultKind.Relayed, (await Attempts.RunAsync(mta, job, content))[0].Kind);

        Assert.Equal(content, Assert.Single(mta.Messages).Content);
        Assert.Equal(4, mta.Commands.Count(c => c.StartsWith("BDAT", StringComparison.Ordinal)));
    }

    private static MimeMessage Load(byte[] content) => MimeMessage.Load(new MemoryStream(content), TestContext.Current.CancellationToken);
}
