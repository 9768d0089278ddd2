using System.Net.Sockets;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>The edge is told to stop, as SIGTERM does.</summary>
public sealed class DrainTests
{
    [Fact]
    public async Task Stop_SessionsOfEveryKind_IdleOnesAreToldAndAMessageIsFinished()
    {
        var edge = await RunningEdge.StartAsync("Edge:GracePeriod=00:00:20");
        await using var idle = await EdgeClient.ConnectAsync(edge.Smtp);
        await idle.ReadReplyAsync();
        await using var tls = await EdgeClient.ConnectAsync(edge.Smtps, tls: true);
        await tls.ReadReplyAsync();
        await using var pop = await EdgeClient.ConnectAsync(edge.Pop3);
        await pop.ReadLineAsync();
        await using var busy = await InDataAsync(edge);

        edge.BeginStop();

        Assert.StartsWith("421 4.3.2", await idle.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("421 4.3.2", await tls.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("-ERR [SYS/TEMP]", await pop.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Null(await idle.ReadLineAsync());
        await busy.SendAsync("the end\r\n.\r\n");
        Assert.StartsWith("250 2.6.0", await busy.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("421 4.3.2", await busy.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal(0, await edge.WaitForExitAsync());
        Assert.Single(edge.Intake.Accepted);
        await Assert.ThrowsAnyAsync<SocketException>(() => EdgeClient.ConnectAsync(edge.Smtp));
    }

    [Fact]
    public async Task Stop_MessageThatDoesNotEnd_IsCutOffAfterTheGracePeriod()
    {
        var edge = await RunningEdge.StartAsync("Edge:GracePeriod=00:00:01");
        await using var busy = await InDataAsync(edge);

        edge.BeginStop();

        Assert.Equal(0, await edge.WaitForExitAsync());
        Assert.Equal("", await busy.ReadReplyAsync());
        Assert.Empty(edge.Intake.Accepted);
        Assert.Equal(0, edge.Open);
    }

    private static async Task<EdgeClient> InDataAsync(RunningEdge edge)
    {
        var client = await EdgeClient.ConnectAsync(edge.Smtp);
        await client.ReadReplyAsync();
        await client.AskAsync("EHLO client.test");
        await client.AskAsync("MAIL FROM:<alice@elsewhere.test>");
        await client.AskAsync("RCPT TO:<bob@example.test>");
        await client.AskAsync("DATA");
        await client.SendAsync("Subject: half\r\n\r\n");
        return client;
    }
}
