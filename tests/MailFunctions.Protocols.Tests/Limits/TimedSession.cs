using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Smtp;
using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.TestKit;

namespace MailFunctions.Protocols.Tests.Limits;

/// <summary>An SMTP session whose time moves only when the test moves it.</summary>
internal sealed class TimedSession : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly MemoryConnection _connection = new();
    private readonly CancellationTokenSource _drain = new();
    private readonly byte[] _one = new byte[1];

    private TimedSession()
    {
    }

    public ManualTime Time { get; } = new();

    public TestServer Server { get; } = new();

    public Task<SessionEnd> Running { get; private set; } = null!;

    /// <summary>tls-server-end-point of the connection.</summary>
    public byte[] EndPointBinding => _connection.Tls!.ServerEndPointBinding!;

    /// <summary>Begins the session and reads its greeting.</summary>
    public static async Task<TimedSession> StartAsync(
        bool tls = false, string kind = ListenerKind.Mx, Func<SmtpListener, SmtpListener>? change = null)
    {
        var session = new TimedSession();
        if (tls)
        {
            await session._connection.UseImplicitTlsAsync(CancellationToken.None);
        }

        session.Running = session.RunAsync(kind, change);
        await session.ReadReplyAsync();
        return session;
    }

    private async Task<SessionEnd> RunAsync(string kind, Func<SmtpListener, SmtpListener>? change)
    {
        try
        {
            return await Server.RunSmtpAsync(_connection, kind, change, plaintextLogin: true, time: Time, drain: _drain.Token);
        }
        finally
        {
            await _connection.CloseServerAsync();
        }
    }

    public void Drain() => _drain.Cancel();

    public async Task SendAsync(string text) =>
        await _connection.Client.WriteAsync(Encoding.Latin1.GetBytes(text)).AsTask().WaitAsync(Limit);

    public async Task<string> AskAsync(string command)
    {
        await SendAsync(command + "\r\n");
        return await ReadReplyAsync();
    }

    /// <summary>The last line of the next reply; empty at the end.</summary>
    public async Task<string> ReadReplyAsync()
    {
        while (true)
        {
            var line = new StringBuilder();
            while (await _connection.Client.ReadAsync(_one).AsTask().WaitAsync(Limit) == 1 && _one[0] != '\n')
            {
                line.Append((char)_one[0]);
            }

            if (line.Length < 4 || line[3] != '-')
            {
                return line.ToString().TrimEnd('\r');
            }
        }
    }

    /// <summary>Lets time pass, a second at a time, until the session ends; how much passed.</summary>
    public async Task<TimeSpan> PassTimeUntilEndAsync(Func<int, Task>? eachSecond = null)
    {
        for (var seconds = 0; seconds < 10_000; seconds++)
        {
            if (Running.IsCompleted)
            {
                return TimeSpan.FromSeconds(seconds);
            }

            if (eachSecond is not null)
            {
                await eachSecond(seconds);
            }

            await SettleAsync();
            Time.Advance(TimeSpan.FromSeconds(1));
        }

        throw new TimeoutException("The session does not end.");
    }

    /// <summary>Gives the session the moment it needs to get to its next wait.</summary>
    public static Task SettleAsync() => Task.Delay(2);

    public async Task BeginDataAsync()
    {
        await AskAsync("EHLO client.test");
        await AskAsync("MAIL FROM:<a@elsewhere.test>");
        await AskAsync("RCPT TO:<bob@example.test>");
        await AskAsync("DATA");
        await SendAsync("Subject: x\r\n\r\n");
    }

    public void Dispose() => _drain.Dispose();
}
