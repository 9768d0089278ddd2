using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.Protocols.Transport;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Protocols.Tests.Limits;

/// <summary>A client that sends commands without end and reads nothing: its replies are bounded, and so is its time.</summary>
public sealed class UnreadReplyTests
{
    /// <summary>What the pipe of a test holds, what may wait to leave, and the reply that is written last.</summary>
    private const long Bound = (256 + 32 + 4) * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>A command that waits for storage must not let those behind it pile up their replies.</summary>
    [Fact]
    public async Task Smtp_CommandsBehindOneThatWaits_RepliesStayBounded()
    {
        const int Commands = 6000;
        var gate = new TaskCompletionSource();
        var server = new TestServer { RecipientGate = gate.Task };
        var connection = new MemoryConnection();
        var session = server.RunSmtpAsync(connection, ListenerKind.Mx);
        await ReadGreetingAsync(connection);
        await connection.SendAsync(
            "EHLO a\r\nMAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\n" + Repeat("EHLO a\r\n", Commands));
        gate.SetResult();

        Assert.InRange(await StandstillAsync(connection), 1, Bound);
        connection.CloseClientOutput();
        var said = ReadToEndAsync(connection);
        Assert.Equal(SessionEnd.ClientClosed, await session.WaitAsync(Limit));
        await connection.CloseServerAsync();
        // one that reads later misses nothing
        Assert.Equal(Commands + 3, (await said).Count(l => l.StartsWith("250 ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Pop3_Capa_RepliesStayBounded()
    {
        const int Commands = 8000;
        var connection = new MemoryConnection();
        var sending = connection.SendAsync(Repeat("CAPA\r\n", Commands));
        var session = new TestServer().RunPop3Async(connection);

        Assert.InRange(await StandstillAsync(connection), 1, Bound);
        var said = ReadToEndAsync(connection);
        await sending.WaitAsync(Limit);
        connection.CloseClientOutput();
        Assert.Equal(SessionEnd.ClientClosed, await session.WaitAsync(Limit));
        await connection.CloseServerAsync();
        Assert.Equal(Commands, (await said).Count(l => l == "."));
    }

    /// <summary>Replies behind a message that blob and bus have in hand wait in memory: so many, and no more.</summary>
    [Fact]
    public async Task Smtp_CommandsBehindACommit_WaitAtTheBound()
    {
        const int Commands = 40_000;
        var gate = new TaskCompletionSource();
        var server = new TestServer { CommitGate = gate.Task };
        var connection = new MemoryConnection();
        var session = server.RunSmtpAsync(connection, ListenerKind.Mx);
        await ReadGreetingAsync(connection);
        var said = ReadToEndAsync(connection);
        await connection.SendAsync("EHLO a\r\nMAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nBDAT 8 LAST\r\nA: b\r\n\r\n");
        var sending = connection.SendAsync(Repeat("NOOP\r\n", Commands));

        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.False(sending.IsCompleted, "The session reads on, and keeps a reply for each command.");
        gate.SetResult();
        await sending.WaitAsync(Limit);
        connection.CloseClientOutput();
        Assert.Equal(SessionEnd.ClientClosed, await session.WaitAsync(Limit));
        await connection.CloseServerAsync();
        Assert.Equal(Commands + 4, (await said).Count(l => l.StartsWith("250 ", StringComparison.Ordinal)));
        Assert.Single(server.Accepted);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NothingRead_TheSessionEndsInTime(bool smtp)
    {
        var time = new ManualTime();
        var connection = new MemoryConnection();
        var server = new TestServer();
        var session = smtp
            ? EndOf(server.RunSmtpAsync(connection, ListenerKind.Mx, time: time))
            : EndOf(server.RunPop3Async(connection, time: time));
        await ReadGreetingAsync(connection);
        _ = connection.SendAsync(Repeat(smtp ? "EHLO a\r\n" : "CAPA\r\n", 8000));
        await StandstillAsync(connection);

        time.Advance(SessionInput.ReadsWithin - TimeSpan.FromSeconds(1));
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.False(session.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal("NotReading", await session.WaitAsync(Limit));
    }

    private static async Task<string> EndOf<T>(Task<T> session)
        where T : struct, Enum => (await session).ToString();

    private static async Task ReadGreetingAsync(MemoryConnection connection)
    {
        var buffer = new byte[4096];
        Assert.NotEqual(0, await connection.Client.ReadAsync(buffer, TestContext.Current.CancellationToken));
    }

    /// <summary>Waits until the session writes nothing more; how much the client has to read then.</summary>
    private static async Task<long> StandstillAsync(MemoryConnection connection)
    {
        using var limit = new CancellationTokenSource(Limit);
        for (var (before, same) = (-1L, 0); ; await Task.Delay(20, limit.Token))
        {
            var now = connection.WaitingForClient;
            same = now == before && now > 0 ? same + 1 : 0;
            before = now;
            if (same == 10)
            {
                return now;
            }
        }
    }

    private static async Task<string[]> ReadToEndAsync(MemoryConnection connection)
    {
        using var said = new MemoryStream();
        await connection.Client.CopyToAsync(said);
        return Encoding.ASCII.GetString(said.ToArray()).Split("\r\n");
    }

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
