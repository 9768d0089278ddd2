using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Sessions;
using Xunit;

namespace MailFunctions.Protocols.Tests.Limits;

/// <summary>The time limits of RFC 5321 §4.5.3.2, and the least rate of data; all in the test's own time.</summary>
public sealed class SmtpTimeTests
{
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(90);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Idle_FiveMinutes_Gets421(bool tls)
    {
        using var session = await TimedSession.StartAsync(tls);
        await session.AskAsync("EHLO client.test");

        var passed = await session.PassTimeUntilEndAsync();

        Assert.StartsWith("421 4.4.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.TimedOut, await session.Running);
        Assert.InRange(passed, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5) + Slack);
    }

    [Fact]
    public async Task Command_DrippingIn_LimitIsForTheWholeLine()
    {
        using var session = await TimedSession.StartAsync();

        var passed =
            await session.PassTimeUntilEndAsync(second => second % 20 == 0 && second < 300 ? session.SendAsync("N") : Task.CompletedTask);

        Assert.StartsWith("421 4.4.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.InRange(passed, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5) + Slack);
    }

    [Fact]
    public async Task Command_NowAndThen_SessionGoesOnUntilItsWholeTime()
    {
        using var session = await TimedSession.StartAsync(change: l => l with { SessionTime = TimeSpan.FromMinutes(20) });
        var last = "";
        for (var minute = 0; minute < 30 && !session.Running.IsCompleted; minute++)
        {
            last = await session.AskAsync("NOOP");
            Assert.True(
                minute <= 20 ? last.StartsWith("250", StringComparison.Ordinal) : last.StartsWith("421 4.7.0", StringComparison.Ordinal),
                $"{minute}: {last}");
            await TimedSession.SettleAsync();
            session.Time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.StartsWith("421 4.7.0", last, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Data_NothingForThreeMinutes_Gets421AndNoMessage(bool tls)
    {
        using var session = await TimedSession.StartAsync(tls);
        await session.BeginDataAsync();

        var passed = await session.PassTimeUntilEndAsync();

        Assert.StartsWith("421 4.4.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.InRange(passed, TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(3) + Slack);
        Assert.Empty(session.Server.Accepted);
        Assert.Equal(0, session.Server.Open);
    }

    [Theory]
    [InlineData("DATA")]
    [InlineData("BDAT 100000 LAST")]
    public async Task Message_SlowerThanTheLeastRate_IsCutOffSoonAfterTheFirstMinute(string command)
    {
        using var session = await TimedSession.StartAsync();
        await session.AskAsync("EHLO client.test");
        await session.AskAsync("MAIL FROM:<a@elsewhere.test>");
        await session.AskAsync("RCPT TO:<bob@example.test>");
        await session.SendAsync(command + "\r\n");
        if (command == "DATA")
        {
            await session.ReadReplyAsync();
        }

        var passed = await session.PassTimeUntilEndAsync(second => second < 100 ? session.SendAsync("x") : Task.CompletedTask);

        Assert.StartsWith("421 4.4.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.InRange(passed, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1) + Slack);
        Assert.Empty(session.Server.Accepted);
    }

    [Fact]
    public async Task Data_MuchAtOnceAndThenDrips_IsCutOffAfterTheNextMinutes()
    {
        using var session = await TimedSession.StartAsync();
        await session.BeginDataAsync();
        var line = new string('x', 998) + "\r\n";
        for (var i = 0; i < 100; i++)
        {
            await session.SendAsync(line);
        }

        var passed = await session.PassTimeUntilEndAsync(second => second < 500 ? session.SendAsync("x") : Task.CompletedTask);

        Assert.StartsWith("421 4.4.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.InRange(passed, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2) + Slack);
        Assert.Empty(session.Server.Accepted);
    }

    [Fact]
    public async Task Bdat_RefusedChunkDrippingIn_IsCutOffToo()
    {
        using var session = await TimedSession.StartAsync();
        await session.AskAsync("EHLO client.test");
        await session.SendAsync("BDAT 100000\r\n"); // without MAIL: 503, once the chunk has been read

        var passed = await session.PassTimeUntilEndAsync(second => second < 100 ? session.SendAsync("x") : Task.CompletedTask);

        Assert.InRange(passed, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1) + Slack);
    }

    [Fact]
    public async Task Data_FasterThanTheLeastRate_IsAcceptedHoweverLongItTakes()
    {
        using var session = await TimedSession.StartAsync();
        await session.BeginDataAsync();
        var line = new string('x', 1498) + "\r\n";
        for (var i = 0; i < 60; i++)
        {
            await session.SendAsync(line);
            await Task.Delay(20, TestContext.Current.CancellationToken);
            session.Time.Advance(TimeSpan.FromSeconds(10));
        }

        await session.SendAsync(".\r\n");
        Assert.StartsWith("250 2.6.0", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.Single(session.Server.Accepted);
    }

    [Fact]
    public async Task Auth_NoResponse_Gets421()
    {
        using var session = await TimedSession.StartAsync(kind: ListenerKind.Submission);
        await session.AskAsync("EHLO client.test");
        Assert.StartsWith("334", await session.AskAsync("AUTH LOGIN"), StringComparison.Ordinal);

        var passed = await session.PassTimeUntilEndAsync();

        Assert.StartsWith("421 4.4.2", await session.ReadReplyAsync(), StringComparison.Ordinal);
        Assert.InRange(passed, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5) + Slack);
    }
}
