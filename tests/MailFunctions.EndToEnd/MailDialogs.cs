using System.Text;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>What the tests say to the edge over plain sockets.</summary>
internal static class MailDialogs
{
    /// <summary>Sends content by DATA, dot-stuffed (RFC 5321 §4.5.2); gives the reply to the end of data.</summary>
    public static async Task<string> SendAsync(
        int port, string recipient, ReadOnlyMemory<byte> content, string sender = "sender@elsewhere.test")
    {
        await using var smtp = await RawClient.ConnectAsync(port);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.elsewhere.test");
        Assert.StartsWith("250", await smtp.AskAsync($"MAIL FROM:<{sender}> BODY=8BITMIME"), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.AskAsync($"RCPT TO:<{recipient}>"), StringComparison.Ordinal);
        Assert.StartsWith("354", await smtp.AskAsync("DATA"), StringComparison.Ordinal);
        await smtp.SendAsync(Stuff(content.Span));
        return await smtp.ReadReplyAsync();
    }

    /// <summary>Sends content by BDAT in chunks (RFC 3030): octets as they are.</summary>
    public static async Task<string> SendChunksAsync(int port, string recipient, ReadOnlyMemory<byte> content, int chunk)
    {
        await using var smtp = await RawClient.ConnectAsync(port);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.elsewhere.test");
        Assert.StartsWith("250", await smtp.AskAsync("MAIL FROM:<sender@elsewhere.test> BODY=8BITMIME"), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.AskAsync($"RCPT TO:<{recipient}>"), StringComparison.Ordinal);
        while (true)
        {
            var part = content[..Math.Min(chunk, content.Length)];
            content = content[part.Length..];
            await smtp.SendLineAsync($"BDAT {part.Length}{(content.IsEmpty ? " LAST" : "")}");
            await smtp.SendAsync(part);
            var reply = await smtp.ReadReplyAsync();
            if (content.IsEmpty)
            {
                return reply;
            }

            Assert.StartsWith("250", reply, StringComparison.Ordinal);
        }
    }

    private static byte[] Stuff(ReadOnlySpan<byte> content)
    {
        var wire = new MemoryStream();
        foreach (var line in Lines(content.ToArray()))
        {
            if (line.Span[0] == '.')
            {
                wire.WriteByte((byte)'.');
            }

            wire.Write(line.Span);
        }

        wire.Write(".\r\n"u8);
        return wire.ToArray();
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(byte[] content)
    {
        for (var start = 0; start < content.Length;)
        {
            var feed = Array.IndexOf(content, (byte)'\n', start);
            Assert.True(feed > 0 && content[feed - 1] == '\r', "DATA carries whole lines only.");
            yield return content.AsMemory(start, feed + 1 - start);
            start = feed + 1;
        }
    }

    /// <summary>Logs in by USER and PASS.</summary>
    /// <summary>A session past its login; `[SYS/TEMP]` is tried again, as a client would (RFC 3206 §4).</summary>
    public static async Task<RawClient> LogInAsync(StackJson stack, AccountJson account)
    {
        for (var tries = 1; ; tries++)
        {
            var pop3 = await RawClient.ConnectAsync(stack.Pop3);
            await pop3.ReadLineAsync();
            await pop3.SendLineAsync($"USER {account.Address}");
            Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
            await pop3.SendLineAsync($"PASS {account.Password}");
            var answer = await pop3.ReadLineAsync();
            if (answer?.StartsWith("-ERR [SYS/TEMP]", StringComparison.Ordinal) != true || tries == 30)
            {
                Assert.StartsWith("+OK", answer, StringComparison.Ordinal);
                return pop3;
            }

            await pop3.DisposeAsync();
            await Task.Delay(500);
        }
    }

    public static async Task<int> CountAsync(StackJson stack, AccountJson account)
    {
        await using var pop3 = await LogInAsync(stack, account);
        await pop3.SendLineAsync("STAT");
        var count = int.Parse((await pop3.ReadLineAsync())!.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        await pop3.SendLineAsync("QUIT");
        await pop3.ReadLineAsync();
        return count;
    }

    /// <summary>Waits, within a bound, until the maildrop holds that many messages.</summary>
    public static async Task WaitForMailAsync(StackJson stack, AccountJson account, int count, int seconds = 30)
    {
        var there = 0;
        for (var i = 0; i < seconds * 20; i++)
        {
            if ((there = await CountAsync(stack, account)) >= count)
            {
                return;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"After {seconds} s the maildrop of {account.Address} holds {there} of {count} messages.");
    }

    /// <summary>One message as POP3 gives it, and the size that LIST names.</summary>
    public static async Task<(byte[] Content, int ListedSize)> RetrieveAsync(StackJson stack, AccountJson account, int number)
    {
        await using var pop3 = await LogInAsync(stack, account);
        await pop3.SendLineAsync($"LIST {number}");
        var size = int.Parse((await pop3.ReadLineAsync())!.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture);
        await pop3.SendLineAsync($"RETR {number}");
        Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
        var content = await pop3.ReadMultiLineAsync();
        await pop3.SendLineAsync("QUIT");
        await pop3.ReadLineAsync();
        return (content, size);
    }

    /// <summary>The content behind this server's own fields: Return-Path, Delivered-To and the first Received.</summary>
    public static byte[] WithoutOwnFields(byte[] content)
    {
        var text = Encoding.Latin1.GetString(content);
        var at = 0;
        foreach (var field in (string[])["Return-Path: ", "Delivered-To: ", "Received: "])
        {
            Assert.Equal(field, text.Substring(at, field.Length));
            do
            {
                at = text.IndexOf("\r\n", at, StringComparison.Ordinal) + 2;
            }
            while (field == "Received: " && at < text.Length && text[at] == '\t');
        }

        return content[at..];
    }
}
