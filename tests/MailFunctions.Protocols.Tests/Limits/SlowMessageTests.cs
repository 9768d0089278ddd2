using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Protocols.Tests.Limits;

/// <summary>A message that hardly comes in holds memory for a while, and not when others need it.</summary>
public sealed class SlowMessageTests
{
    private const int KiB = 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>The gaps between chunks count: BDAT of one octet a minute is no way round the least rate.</summary>
    [Fact]
    public async Task Bdat_SmallChunksWithGaps_AreCutOff()
    {
        using var session = await TimedSession.StartAsync();
        await session.AskAsync("EHLO client.test");
        await session.AskAsync("MAIL FROM:<a@elsewhere.test>");
        await session.AskAsync("RCPT TO:<bob@example.test>");
        Assert.StartsWith("250", await session.AskAsync("BDAT 8\r\nA: b\r\n"), StringComparison.Ordinal);

        var passed =
            await session.PassTimeUntilEndAsync(
                second => second > 0 && second % 50 == 0 ? session.SendAsync("BDAT 1\r\nx") : Task.CompletedTask);

        Assert.Equal(SessionEnd.TimedOut, await session.Running);
        Assert.InRange(passed, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2));
        Assert.Empty(session.Server.Accepted);
    }

    [Fact]
    public async Task Bdat_SilenceBehindAChunk_EndsAfterTheTimeOfData()
    {
        using var session = await TimedSession.StartAsync();
        await session.AskAsync("EHLO client.test");
        await session.AskAsync("MAIL FROM:<a@elsewhere.test>");
        await session.AskAsync("RCPT TO:<bob@example.test>");
        await session.AskAsync("BDAT 17\r\nA: b\r\n\r\n1234567");

        var passed = await session.PassTimeUntilEndAsync();

        Assert.InRange(passed, TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(3) + TimeSpan.FromSeconds(20)); // RFC 5321 §4.5.3.2.5
    }

    /// <summary>Who brings nothing while others wait for room is told to come again, inside DATA and between chunks.</summary>
    [Theory]
    [InlineData("DATA\r\n", "354 ")]
    [InlineData("BDAT 6\r\n", "250 2.0.0 6 octets received")]
    public async Task Silent_WhenOthersNeedTheRoom_Leaves(string command, string reply)
    {
        var time = new ManualTime();
        var server = new TestServer
        {
            Memory = new MessageMemory(new ByteBudget(4 * KiB), 4 * KiB, 4 * KiB, TimeSpan.FromMinutes(1), time),
        };
        var (silent, ended) = await BeginAsync(server, time, command + "A: b\r\n");
        await WaitForAsync(() => server.Memory.Free == 2 * KiB, silent, reply);
        time.Advance(TimeSpan.FromMinutes(1));

        var (fast, going) =
            await BeginAsync(server, time, "DATA\r\n" + string.Concat(Enumerable.Repeat("Subject: " + new string('x', 900) + "\r\n", 3)));
        using var limit = new CancellationTokenSource(Limit);
        while (!ended.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Delay(5, limit.Token);
        }

        Assert.Equal(SessionEnd.TooSlow, await ended);
        await silent.CloseServerAsync();
        Assert.Contains("\n421 4.3.2 ", await ReadToEndAsync(silent), StringComparison.Ordinal);
        await fast.SendAsync("\r\nhello\r\n.\r\nQUIT\r\n");
        Assert.Equal(SessionEnd.Quit, await going.WaitAsync(Limit));
        Assert.Single(server.Accepted);
        Assert.Equal(4 * KiB, server.Memory.Free);
    }

    /// <summary>A header section that does not end is in the memory of messages: it is refused when that is spent.</summary>
    [Fact]
    public async Task HeaderSection_WithoutRoom_Gets451()
    {
        var server = new TestServer
        {
            Memory = new MessageMemory(new ByteBudget(8 * KiB), 8 * KiB, 8 * KiB, TimeSpan.FromMilliseconds(50), TimeProvider.System),
        };
        var (client, session) = await BeginAsync(
            server, TimeProvider.System,
            "DATA\r\n" + string.Concat(Enumerable.Repeat("Subject: " + new string('x', 900) + "\r\n", 12)) + "\r\n.\r\nQUIT\r\n");

        Assert.Equal(SessionEnd.Quit, await session.WaitAsync(Limit));
        await client.CloseServerAsync();
        Assert.Contains("\n451 4.3.2 ", await ReadToEndAsync(client), StringComparison.Ordinal);
        Assert.Equal(8 * KiB, server.Memory.Free);
    }

    private static async Task<(MemoryConnection Client, Task<SessionEnd> Session)> BeginAsync(
        TestServer server, TimeProvider time, string data)
    {
        var connection = new MemoryConnection();
        var session = server.RunSmtpAsync(connection, ListenerKind.Mx, time: time);
        _ = await connection.Client.ReadAsync(new byte[512], TestContext.Current.CancellationToken);
        await connection.SendAsync("EHLO client.test\r\nMAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\n" + data);
        return (connection, session);
    }

    private static async Task WaitForAsync(Func<bool> condition, MemoryConnection client, string reply)
    {
        using var limit = new CancellationTokenSource(Limit);
        var said = new StringBuilder();
        var buffer = new byte[4096];
        while (!condition() || !said.ToString().Contains("\n" + reply, StringComparison.Ordinal))
        {
            if (client.WaitingForClient > 0)
            {
                said.Append(Encoding.ASCII.GetString(buffer, 0, await client.Client.ReadAsync(buffer, limit.Token)));
            }

            await Task.Delay(5, limit.Token);
        }
    }

    private static async Task<string> ReadToEndAsync(MemoryConnection connection)
    {
        using var said = new MemoryStream();
        await connection.Client.CopyToAsync(said, TestContext.Current.CancellationToken);
        return "\n" + Encoding.ASCII.GetString(said.ToArray()).ReplaceLineEndings("\n");
    }
}
