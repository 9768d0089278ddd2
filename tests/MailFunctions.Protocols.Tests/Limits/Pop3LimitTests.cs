using System.Text;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Pop3;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Protocols.Tests.Limits;

/// <summary>POP3 sessions whose time is over, or whose server is told to stop: none of them deletes anything.</summary>
public sealed class Pop3LimitTests : IDisposable
{
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(90);

    private readonly MemoryConnection _connection = new();
    private readonly TestServer _server = new();
    private readonly ManualTime _time = new();
    private readonly CancellationTokenSource _drain = new();

    public void Dispose() => _drain.Dispose();

    // RFC 1939 §3
    [Theory]
    [InlineData("")]
    [InlineData("QUI")]
    public async Task Idle_TenMinutes_IsClosedWithoutAResponseAndDeletesNothing(string begun)
    {
        _server.Maildrop.Add("Subject: one\r\n\r\n");
        var session = RunAsync();
        await LogInAsync();
        await AskAsync("DELE 1");
        await _connection.SendAsync(begun);

        var passed = 0;
        for (; !session.IsCompleted && passed < 3600; passed++)
        {
            await TimedSession.SettleAsync();
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(SessionEnd.TimedOut, await session);
        Assert.InRange(TimeSpan.FromSeconds(passed), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(10) + Slack);
        Assert.Equal("", await ReadToEndAsync());
        Assert.Equal([1u], _server.Maildrop.Messages.Keys);
        Assert.True(_server.Maildrop.Disposed);
    }

    /// <summary>A client that asks for the same again and again gets it as fast as it may four times, and then at a pace.</summary>
    [Theory]
    [InlineData("LIST")]
    [InlineData("UIDL")]
    [InlineData("RETR 1")]
    [InlineData("TOP 1 9999")]
    public async Task Loop_OfTheSameCommand_IsPaced(string command)
    {
        const int Times = 400;
        for (var i = 0; i < 500; i++)
        {
            _server.Maildrop.Add($"Subject: {i}\r\n\r\n{(i == 0 ? new string('x', 60_000) : "")}\r\n");
        }

        var all = (4 * 32 * 1024) + 4 * Math.Max(_server.Maildrop.Bytes, 500 * 80);
        var session = RunAsync();
        await LogInAsync();
        await _connection.SendAsync(string.Concat(Enumerable.Repeat(command + "\r\n", Times)) + "QUIT\r\n");
        var got = 0L;
        var reading = CountAsync();
        for (var seconds = 0; !session.IsCompleted && seconds < 3600; seconds++)
        {
            await TimedSession.SettleAsync();
            Assert.InRange(Interlocked.Read(ref got), 0, all + ((seconds + 1L) * OutputPace.Rate) + 64 * 1024);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(SessionEnd.Quit, await session);
        await _connection.CloseServerAsync();
        await reading;
        Assert.True(got > 2 * all, $"{got} octets were no test of the pace.");

        async Task CountAsync()
        {
            var buffer = new byte[64 * 1024];
            while (await _connection.Client.ReadAsync(buffer) is > 0 and var read)
            {
                Interlocked.Add(ref got, read);
            }
        }
    }

    [Fact]
    public async Task Drain_IdleSession_IsToldAndDeletesNothing()
    {
        _server.Maildrop.Add("Subject: one\r\n\r\n");
        var session = RunAsync();
        await LogInAsync();
        await AskAsync("DELE 1");

        await _drain.CancelAsync();

        Assert.StartsWith("-ERR [SYS/TEMP]", await ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.Drained, await session);
        Assert.Equal([1u], _server.Maildrop.Messages.Keys);
    }

    [Fact]
    public async Task Drain_WithinAMessage_FinishesItThenEndsAndDeletesNothing()
    {
        var line = new string('x', 998) + "\r\n";
        var message = string.Concat(Enumerable.Repeat(line, 2000));
        _server.Maildrop.Add("Subject: one\r\n\r\n");
        _server.Maildrop.Add(message);
        var session = RunAsync();
        await LogInAsync();
        await AskAsync("DELE 1");
        Assert.Equal($"+OK {message.Length} octets", await AskAsync("RETR 2"));
        await _connection.SendAsync("QUIT\r\n");
        Assert.False(session.IsCompleted); // more than the connection takes at once

        await _drain.CancelAsync();

        var rest = await ReadToEndAsync();
        Assert.StartsWith(message + ".\r\n-ERR [SYS/TEMP]", rest, StringComparison.Ordinal);
        Assert.Equal(SessionEnd.Drained, await session);
        Assert.Equal([1u, 2u], _server.Maildrop.Messages.Keys);
    }

    /// <summary>The session looks at what was pipelined behind a RETR; that look does not hide the drain.</summary>
    [Fact]
    public async Task Drain_BeforeWhatWasPipelinedIsLookedAt_EndsBehindTheMessage()
    {
        _server.Maildrop.Add("Subject: one\r\n\r\n");
        _server.Maildrop.Listing = _drain.Cancel;
        var session = RunAsync();
        await LogInAsync();

        await _connection.SendAsync("RETR 1\r\nDELE 1\r\nQUIT\r\n");

        Assert.StartsWith("+OK 16 octets\r\nSubject: one\r\n\r\n.\r\n-ERR [SYS/TEMP]", await ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.Drained, await session);
        Assert.Equal([1u], _server.Maildrop.Messages.Keys);
    }

    /// <summary>
    /// Disabled, deleted, made again, another password, an app password revoked: <see cref="IOpenLogins"/> says so of all of them.
    /// </summary>
    [Theory]
    [InlineData("RETR 1")]
    [InlineData("NOOP")]
    [InlineData("QUIT")]
    public async Task Login_NoLongerHolds_NextCommandEndsTheSessionAndNothingIsDeleted(string command)
    {
        _server.Maildrop.Add("Subject: one\r\n\r\n");
        var session = RunAsync();
        await LogInAsync();
        await AskAsync("DELE 1");

        _server.LoginState = LoginState.Ended;
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.StartsWith("-ERR [AUTH]", await AskAsync(command), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.LoginEnded, await session);
        Assert.Equal([1u], _server.Maildrop.Messages.Keys);
        Assert.True(_server.Maildrop.Disposed);
    }

    [Fact]
    public async Task Login_CantBeLookedAtNow_CommandsAreRefusedUntilItCanAndQuitDeletes()
    {
        _server.Maildrop.Add("Subject: one\r\n\r\n");
        var session = RunAsync();
        await LogInAsync();
        await AskAsync("DELE 1");

        _server.LoginState = LoginState.Unknown;
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.StartsWith("-ERR [SYS/TEMP]", await AskAsync("NOOP"), StringComparison.Ordinal);
        Assert.StartsWith("+OK Bye, 1", await AskAsync("QUIT"), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.Quit, await session);
    }

    [Theory]
    [InlineData("NOOP", "-ERR [SYS/TEMP]", SessionEnd.TimedOut, 1)]
    [InlineData("QUIT", "+OK Bye, 1", SessionEnd.Quit, 0)]
    public async Task Session_CommandsAllTheTime_HasALongestTimeAndMayStillQuit(string last, string reply, SessionEnd end, int left)
    {
        _server.Maildrop.Add("Subject: one\r\n\r\n");
        var session = RunAsync();
        await LogInAsync();
        await AskAsync("DELE 1");
        for (var minutes = 0; minutes < 4 * 60; minutes += 5)
        {
            Assert.Equal("+OK", await AskAsync("NOOP"));
            await TimedSession.SettleAsync();
            _time.Advance(TimeSpan.FromMinutes(5));
        }

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.StartsWith(reply, await AskAsync(last), StringComparison.Ordinal);
        Assert.Equal(end, await session);
        Assert.Equal(left, _server.Maildrop.Messages.Count);
    }

    private async Task<SessionEnd> RunAsync()
    {
        try
        {
            return await _server.RunPop3Async(_connection, plaintextLogin: true, time: _time, drain: _drain.Token);
        }
        finally
        {
            await _connection.CloseServerAsync();
        }
    }

    private async Task LogInAsync()
    {
        await ReadLineAsync();
        await AskAsync("USER alice@example.test");
        Assert.StartsWith("+OK", await AskAsync($"PASS {TestServer.Password}"), StringComparison.Ordinal);
    }

    private async Task<string> AskAsync(string command)
    {
        await _connection.SendAsync(command + "\r\n");
        return await ReadLineAsync();
    }

    private async Task<string> ReadLineAsync()
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await _connection.Client.ReadAsync(one).AsTask().WaitAsync(Session.Limit) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString().TrimEnd('\r');
    }

    private async Task<string> ReadToEndAsync()
    {
        var rest = new MemoryStream();
        await _connection.Client.CopyToAsync(rest).WaitAsync(Session.Limit);
        return Encoding.ASCII.GetString(rest.ToArray());
    }
}
