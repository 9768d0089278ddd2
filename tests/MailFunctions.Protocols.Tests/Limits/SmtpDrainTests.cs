using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Sessions;
using Xunit;

namespace MailFunctions.Protocols.Tests.Limits;

/// <summary>The server is told to stop while sessions are open.</summary>
public sealed class SmtpDrainTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Drain_IdleSession_Gets421(bool tls)
    {
        using var session = await TimedSession.StartAsync(tls);
        await session.AskAsync("EHLO client.test");

        session.Drain();

        Assert.StartsWith("421 4.3.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.Drained, await session.Running);
    }

    [Fact]
    public async Task Drain_WithinACommandLine_Gets421()
    {
        using var session = await TimedSession.StartAsync();
        await session.SendAsync("EHLO cli");

        session.Drain();

        Assert.StartsWith("421 4.3.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Drain_WithinData_MessageIsFinishedThen421(bool tls)
    {
        using var session = await TimedSession.StartAsync(tls);
        await session.BeginDataAsync();

        session.Drain();
        await session.SendAsync("more\r\n");
        await session.SendAsync(".\r\nMAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");

        Assert.StartsWith("250 2.6.0", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("421 4.3.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal("", await session.ReadReplyAsync());
        Assert.Single(session.Server.Accepted);
    }

    [Fact]
    public async Task Drain_WithinAChunk_ChunkIsReadThen421()
    {
        using var session = await TimedSession.StartAsync();
        await session.AskAsync("EHLO client.test");
        await session.AskAsync("MAIL FROM:<a@elsewhere.test>");
        await session.AskAsync("RCPT TO:<bob@example.test>");
        await session.SendAsync("BDAT 13\r\na: b\r\n\r\n");
        while (session.Server.Open == 0)
        {
            await TimedSession.SettleAsync(); // until it has read of the chunk
        }

        session.Drain();
        await session.SendAsync("67890BDAT 0 LAST\r\n");

        Assert.StartsWith("250 2.0.0", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.StartsWith("421 4.3.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Empty(session.Server.Accepted);
        Assert.Equal(0, session.Server.Open);
    }

    [Fact]
    public async Task Drain_WithinAuth_Gets421()
    {
        using var session = await TimedSession.StartAsync(kind: ListenerKind.Submission);
        await session.AskAsync("EHLO client.test");
        await session.AskAsync("AUTH LOGIN");

        session.Drain();

        Assert.StartsWith("421 4.3.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.Drained, await session.Running);
    }
}
