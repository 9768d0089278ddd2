using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using MailFunctions.Protocols.Tests.Harness;
using Xunit;

namespace MailFunctions.Protocols.Tests.Pop3;

/// <summary>RFC 1939 §3: whatever was stored, and wherever its pieces are cut, un-stuffed it is what was stored, with CRLF.</summary>
public sealed class RetrieveTests
{
    /// <summary>Content made of what can go wrong: dots, line breaks whole and bare, and text between.</summary>
    private static readonly Gen<byte[]> Content =
        Gen.OneOf<string>(
            ".", "..", "\r\n", "\r", "\n", "\r\n.", "\r\n.\r\n", "\r.", "\n.", "a", "text", "\0", "\u00e9", new string('x', 300))
            .Array[0, 60].Select(parts => Encoding.UTF8.GetBytes(string.Concat(parts)));

    [Fact]
    public async Task Retr_OfAnyContentInAnyPieces_GivesItBackUnstuffed() =>
        await Gen.Select(Content, Gen.Int[1, 40]).SampleAsync(
            async (content, piece) =>
            {
                Assert.Equal(WithCrlf(content), Unstuff(await RetrieveAsync(content, piece, "RETR 1")));
            },
            iter: 400,
            threads: 1);

    [Theory]
    [InlineData(0, "A: b\r\n\r\n")]
    [InlineData(1, "A: b\r\n\r\n1\r\n")]
    [InlineData(3, "A: b\r\n\r\n1\r\n.2\r\n\r\n")]
    [InlineData(4, "A: b\r\n\r\n1\r\n.2\r\n\r\n4\r\n")]
    [InlineData(9999, "A: b\r\n\r\n1\r\n.2\r\n\r\n4\r\n")]
    public async Task Top_WithSoManyLines_GivesHeaderAndThem(int lines, string expected)
    {
        for (var piece = 1; piece <= 30; piece++)
        {
            var wire = await RetrieveAsync("A: b\r\n\r\n1\r\n.2\r\n\r\n4\r\n"u8.ToArray(), piece, $"TOP 1 {lines}");

            Assert.Equal(expected, Encoding.ASCII.GetString(Unstuff(wire)));
        }
    }

    /// <summary>What follows is read ahead when a client goes on as it began, past what is marked, either way.</summary>
    [Theory]
    [InlineData("RETR 1|RETR 2", "2 4 5 6|4 5 6")]
    [InlineData("RETR 6|RETR 5|RETR 4", "|4 2 1|2 1")]
    [InlineData("RETR 2|RETR 1", "|")]
    [InlineData("RETR 5|RETR 2|TOP 1 0|RETR 4", "|||")]
    public async Task Retr_OneAfterTheOther_SaysWhatIsLikelyNext(string commands, string expected)
    {
        var server = ServerWith(6);
        var connection = new MemoryConnection();
        var session = server.RunPop3Async(connection, plaintextLogin: true);
        await connection.SendAsync($"USER alice@example.test\r\nPASS {TestServer.Password}\r\nDELE 3\r\n");
        foreach (var (count, command) in commands.Split('|').Index())
        {
            await connection.SendAsync($"{command}\r\n");
            for (var i = 0; i < 1000 && server.Maildrop.LikelyNext.Count <= count; i++)
            {
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }
        }

        await connection.SendAsync("RSET\r\nQUIT\r\n");
        await session;

        Assert.Equal(expected, string.Join('|', server.Maildrop.LikelyNext.Select(next => string.Join(' ', next.Uids))));
    }

    /// <summary>What the client has sent already counts first, in any order, beside other commands; then what follows it.</summary>
    [Theory]
    [InlineData("RETR 5|RETR 2|TOP 1 0|RETR 4", "3: 2 4|2: 4||")]
    [InlineData("RETR 2|DELE 2|retr 4|NOOP|RETR 5", "4: 4 5 6|2: 5 6|1: 6")]
    [InlineData("RETR 6|RETR 5|RETR 2", "4: 5 2|3: 2|")]
    [InlineData("RETR 4|RETR 3|RETR 9|RETR 0|RETR x|RETR 4 4|RETR -1|RETR", "")]
    public async Task Retr_Pipelined_SaysWhatTheClientHasAskedFor(string commands, string expected)
    {
        var server = ServerWith(6);
        await Session.RunPop3Async(server, [Encoding.ASCII.GetBytes(
            $"USER alice@example.test\r\nPASS {TestServer.Password}\r\nDELE 3\r\n"
                + $"{commands.Replace("|", "\r\n", StringComparison.Ordinal)}\r\nRSET\r\nQUIT\r\n")]);

        Assert.Equal(expected, string.Join('|', server.Maildrop.LikelyNext.Select(Show)));
    }

    [Fact]
    public async Task Retr_PipelinedOverAHundredMessages_SaysSixteen_AndHowFarTheyReach()
    {
        var server = ServerWith(300);
        var commands = string.Concat(Enumerable.Range(1, 20).Select(i => $"RETR {i * 2}\r\n")) + "RETR 150\r\nRETR 120\r\nRETR 20\r\n";
        await Session.RunPop3Async(
            server, [Encoding.ASCII.GetBytes($"USER alice@example.test\r\nPASS {TestServer.Password}\r\n{commands}QUIT\r\n")]);

        var next = server.Maildrop.LikelyNext;
        Assert.Equal("32: " + string.Join(' ', Enumerable.Range(2, 16).Select(i => i * 2)), Show(next[0]));
        Assert.Equal("112: 40 150 120 20", Show(next[18]));
        Assert.Equal("110: 150 120 20", Show(next[19]));
        Assert.Equal("130: 120 20", Show(next[20]));
        Assert.Equal("100: 20", Show(next[21]));
    }

    private static string Show((uint[] Uids, int Reach) next) =>
        next.Uids.Length == 0 ? "" : $"{next.Reach}: {string.Join(' ', next.Uids)}";

    private static TestServer ServerWith(int messages)
    {
        var server = new TestServer();
        for (var i = 1; i <= messages; i++)
        {
            server.Maildrop.Add($"Subject: {i}\r\n\r\n");
        }

        return server;
    }

    private static async Task<byte[]> RetrieveAsync(byte[] content, int piece, string command)
    {
        var server = new TestServer();
        server.Maildrop.Messages.Add(1, content);
        server.Maildrop.PieceOctets = piece;
        var connection = new MemoryConnection();
        var session = server.RunPop3Async(connection, plaintextLogin: true);
        await connection.SendAsync($"USER alice@example.test\r\nPASS {TestServer.Password}\r\n{command}\r\nQUIT\r\n");
        await session;
        await connection.CloseServerAsync();
        var all = new MemoryStream();
        await connection.Client.CopyToAsync(all, TestContext.Current.CancellationToken);
        var wire = all.ToArray();
        for (var i = 0; i < 4; i++)
        {
            wire = wire[(wire.AsSpan().IndexOf("\r\n"u8) + 2)..]; // greeting, USER, PASS, +OK of the command
        }

        var bye = wire.AsSpan().LastIndexOf("+OK Bye"u8);
        return wire[..bye];
    }

    /// <summary>As a client does it: lines end in CRLF, the one that is a dot alone is the end, and a leading dot goes.</summary>
    private static byte[] Unstuff(byte[] wire)
    {
        var content = new MemoryStream();
        for (var at = 0; ;)
        {
            var length = wire.AsSpan(at).IndexOf("\r\n"u8) + 2;
            Assert.True(length >= 2, "The response has no end.");
            var line = wire.AsSpan(at, length);
            at += length;
            if (line.SequenceEqual(".\r\n"u8))
            {
                Assert.Equal(wire.Length, at);
                return content.ToArray();
            }

            content.Write(line[0] == '.' ? line[1..] : line);
        }
    }

    /// <summary>Each line of what is stored, whatever ends it, with CRLF.</summary>
    private static byte[] WithCrlf(byte[] content)
    {
        var lines = Regex.Split(Encoding.Latin1.GetString(content), "\r\n|\r|\n");
        var rest = lines[^1].Length > 0 ? lines[^1] + "\r\n" : "";
        return Encoding.Latin1.GetBytes(string.Concat(lines[..^1].Select(l => l + "\r\n")) + rest);
    }
}
