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

    [Fact]
    public async Task Sigterm_TheProgramItself_TellsIdleSessionsAndEndsWithZero()
    {
        // Neither store nor bus is asked before a message comes.
        var port = FreePorts.Next();
        await using var program = ProgramProcess.Start(Repository.ProgramOf("MailFunctions.Edge"), [], new Dictionary<string, string?>
        {
            ["MailStorage"] = "UseDevelopmentStorage=true",
            ["ServiceBusConnection"] = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;",
            ["Edge__Address"] = "127.0.0.1",
            ["Edge__HostName"] = RunningEdge.HostName,
            ["Edge__Ports__Smtp"] = $"{port}",
            ["Edge__Ports__Submission"] = "0",
            ["Edge__Ports__Smtps"] = "0",
            ["Edge__Ports__Pop3"] = "0",
            ["Edge__Ports__Pop3s"] = "0",
            ["Edge__Ports__Health"] = "0",
        });
        await using var idle = await ConnectWhenReadyAsync(program, port);
        Assert.StartsWith("220 ", await idle.ReadReplyAsync(), StringComparison.Ordinal);

        program.Terminate();

        Assert.StartsWith("421 4.3.2", await idle.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal(0, await program.WaitForExitAsync(TimeSpan.FromSeconds(30)));
    }

    private static async Task<EdgeClient> ConnectWhenReadyAsync(ProgramProcess program, int port)
    {
        while (true)
        {
            try
            {
                return await EdgeClient.ConnectAsync(port);
            }
            catch (SocketException)
            {
                Assert.False(program.HasExited, string.Join('\n', program.Errors));
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }
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
