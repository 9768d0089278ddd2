using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Tests.Harness;
using Xunit;

namespace MailFunctions.Protocols.Tests.Smtp;

/// <summary>Messages that a client pipelines by BDAT are committed side by side; the replies keep their order.</summary>
public sealed class OverlapTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task PipelinedMessages_WhileTheFirstIsCommitted_AreTakenInToo()
    {
        var gate = new TaskCompletionSource();
        var server = new TestServer { CommitGate = gate.Task };
        var (connection, session) = await StartAsync(server, messages: 3);

        await WaitForAsync(() => server.Begun == 3);
        Assert.Empty(server.Accepted);
        gate.SetResult();

        Assert.Equal(SessionEnd.Quit, await session.WaitAsync(Limit));
        Assert.Equal(3, server.Accepted.Count);
        Assert.Equal(
            ["220", "250", .. Enumerable.Repeat((string[])["250", "250", "250"], 3).SelectMany(r => r), "221"],
            await CodesAsync(connection));
        Assert.Equal(0, server.Open);
    }

    [Fact]
    public async Task PipelinedMessages_ManyOfThem_WaitAtTheBound()
    {
        var gate = new TaskCompletionSource();
        var server = new TestServer { CommitGate = gate.Task };
        var (_, session) = await StartAsync(server, messages: 10);

        await WaitForAsync(() => server.Begun == 4);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.Equal(4, server.Begun);
        gate.SetResult();

        Assert.Equal(SessionEnd.Quit, await session.WaitAsync(Limit));
        Assert.Equal(10, server.Accepted.Count);
    }

    [Fact]
    public async Task PipelinedMessages_ThatTheStoreRefuses_AreToldInTheirTurn()
    {
        var gate = new TaskCompletionSource();
        var server = new TestServer { CommitGate = gate.Task, IntakeFails = true };
        var (connection, session) = await StartAsync(server, messages: 2);

        gate.SetResult();
        await session.WaitAsync(Limit);

        Assert.Equal(["220", "250", "250", "250", "451", "250", "250", "451", "221"], await CodesAsync(connection));
        Assert.Equal(0, server.Open);
    }

    private static async Task<(MemoryConnection Connection, Task<SessionEnd> Session)> StartAsync(TestServer server, int messages)
    {
        var connection = new MemoryConnection();
        var session = server.RunSmtpAsync(connection, ListenerKind.Mx);
        var buffer = new byte[4096];
        var greeting = await connection.Client.ReadAsync(buffer, TestContext.Current.CancellationToken);
        Assert.StartsWith("220", Encoding.ASCII.GetString(buffer, 0, greeting), StringComparison.Ordinal);
        const string Content = "Subject: x\r\n\r\nx\r\n";
        var message = $"MAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nBDAT {Content.Length} LAST\r\n{Content}";
        var all = "EHLO client.test\r\n" + string.Concat(Enumerable.Repeat(message, messages)) + "QUIT\r\n";
        await connection.Client.WriteAsync(Encoding.ASCII.GetBytes(all), TestContext.Current.CancellationToken);
        return (connection, session);
    }

    /// <summary>The codes of all replies, the greeting's first, which was read before.</summary>
    private static async Task<List<string>> CodesAsync(MemoryConnection connection)
    {
        await connection.CloseServerAsync();
        using var said = new MemoryStream();
        await connection.Client.CopyToAsync(said, TestContext.Current.CancellationToken);
        return [
            "220",
            .. Encoding.ASCII.GetString(said.ToArray())
                .Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Where(l => l[3] == ' ').Select(l => l[..3])];
    }

    private static async Task WaitForAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
