using System.Text;
using MimeKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>What comes out behind this server's own fields is what went in, octet for octet.</summary>
public sealed class RealInputTests(SharedStack shared)
{
    private static readonly Dictionary<string, Func<byte[]>> Messages = new()
    {
        ["plain"] = () => Ascii("From: a@elsewhere.test\r\nTo: b@example.test\r\nSubject: plain\r\n\r\nHello\r\n"),
        ["multipart with attachments"] = Multipart,
        ["8-bit and UTF-8 header"] = () =>
            Encoding.UTF8.GetBytes("From: Jürgen <a@elsewhere.test>\r\nSubject: Grüße – 日本語\r\n\r\nGrüße\r\n"),
        ["Latin-1 header and body"] = () => Encoding.Latin1.GetBytes("Subject: Gr\u00FC\u00DFe\r\n\r\n\u00E4\u00F6\u00FC\r\n"),
        ["line of 998 octets"] = () => Ascii("Subject: 998\r\n\r\n" + new string('x', 998) + "\r\n"),
        ["line of 300,000 octets"] = () => Ascii("Subject: long\r\n\r\n" + new string('y', 300_000) + "\r\nend\r\n"),
        ["lines that begin with dots"] = () => Ascii("Subject: dots\r\n\r\n.\r\n..\r\n...\r\n.x\r\n. \r\n\r\n.\r\n"),
        ["no header at all"] = () => Ascii("Just a line that is no field\r\nand another one\r\n"),
        ["body only, behind an empty line"] = () => Ascii("\r\nbody\r\n"),
        ["header only"] = () => Ascii("Subject: no body\r\n"),
        ["empty body"] = () => Ascii("Subject: empty body\r\n\r\n"),
        ["nothing"] = () => [],
        ["NUL and other control octets"] = () =>
            [.. Ascii("Subject: controls\r\n\r\n"), .. Enumerable.Range(0, 256).Select(i => (byte)i).Where(i => i is not (10 or 13)), 13,
                10],
        ["many small lines"] = () => Ascii("Subject: lines\r\n\r\n" + string.Concat(Enumerable.Range(0, 50_000).Select(i => $"{i}\r\n"))),
        ["25 MiB"] = TwentyFiveMebibytes,
    };

    public static TheoryData<string> Names => [.. Messages.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Retrieve_AfterData_GivesBackEveryOctet(string name)
    {
        var content = Messages[name]();
        var account = await shared.CreateAccountAsync();

        Assert.StartsWith("250 2.", await MailDialogs.SendAsync(shared.Stack.Smtp, account.Address, content), StringComparison.Ordinal);

        await MailDialogs.WaitForMailAsync(shared.Stack, account, 1);
        var (retrieved, listed) = await MailDialogs.RetrieveAsync(shared.Stack, account, 1);
        Assert.Equal(listed, retrieved.Length);
        Assert.True(content.AsSpan().SequenceEqual(MailDialogs.WithoutOwnFields(retrieved)), $"'{name}' came back changed.");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public async Task Retrieve_AfterChunksWithoutFinalLineBreak_AddsOneAndCountsIt(int chunk)
    {
        var content = Ascii("Subject: no final line break\r\n\r\n.dot\r\nlast line without an end");
        var account = await shared.CreateAccountAsync();

        Assert.StartsWith(
            "250 2.", await MailDialogs.SendChunksAsync(shared.Stack.Smtp, account.Address, content, chunk), StringComparison.Ordinal);

        await MailDialogs.WaitForMailAsync(shared.Stack, account, 1);
        var (retrieved, listed) = await MailDialogs.RetrieveAsync(shared.Stack, account, 1);
        Assert.Equal(listed, retrieved.Length);
        Assert.Equal([.. content, 13, 10], MailDialogs.WithoutOwnFields(retrieved));
    }

    [Theory]
    [InlineData("Subject: x\r\n\r\nbare\nfeed\r\n")]
    [InlineData("Subject: x\r\n\r\nbare\rreturn\r\n")]
    [InlineData("Subject: x\r\n\r\n\n.\n\r\n")]
    [InlineData("Subject: x\r\n\r\n\r.\r\r\n")]
    public async Task Send_WithABareLineBreak_IsRefusedEndsTheSessionAndNothingArrives(string content)
    {
        var account = await shared.CreateAccountAsync();
        await using var smtp = await TestKit.RawClient.ConnectAsync(shared.Stack.Smtp);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.elsewhere.test");
        await smtp.AskAsync("MAIL FROM:<a@elsewhere.test>");
        await smtp.AskAsync($"RCPT TO:<{account.Address}>");
        await smtp.AskAsync("DATA");

        await smtp.SendAsync(Ascii(content + ".\r\n"));

        Assert.StartsWith("550 5.6.0", await smtp.ReadReplyAsync(), StringComparison.Ordinal);
        await Assert.ThrowsAsync<IOException>(() => smtp.AskAsync("NOOP")); // what follows can't be trusted to be commands
        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, account));
    }

    private static byte[] Multipart()
    {
        using var message = new MimeMessage();
        message.From.Add(new MailboxAddress("Älice", "a@elsewhere.test"));
        message.To.Add(new MailboxAddress("Bob", "b@example.test"));
        message.Subject = "Anhänge";
        var builder = new BodyBuilder { TextBody = "See the attachments.\r\n", HtmlBody = "<p>See the attachments.</p>" };
        builder.Attachments.Add("Übersicht.bin", Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7)).ToArray());
        builder.Attachments.Add("notes.txt", "Text\r\n"u8.ToArray());
        message.Body = builder.ToMessageBody();
        using var octets = new MemoryStream();
        message.WriteTo(new FormatOptions { NewLineFormat = NewLineFormat.Dos }, octets);
        return octets.ToArray();
    }

    private static byte[] TwentyFiveMebibytes()
    {
        var content = new byte[25 * 1024 * 1024];
        var header = "Subject: large\r\n\r\n"u8;
        header.CopyTo(content);
        var random = new Random(42);
        for (var i = header.Length; i < content.Length; i++)
        {
            var column = (i - header.Length) % 78;
            content[i] = column switch
            {
                76 => 13,
                77 => 10,
                _ => (byte)random.Next(32, 127),
            };
        }

        content[^2] = 13;
        content[^1] = 10;
        return content;
    }

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);
}
