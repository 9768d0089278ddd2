using System.Text;
using MailFunctions.Protocols.Tests.Harness;
using Xunit;

namespace MailFunctions.Protocols.Tests.Pop3;

/// <summary>RFC 2449 §6.7: only what a client could have read goes after some days.</summary>
public sealed class FetchedTests
{
    private readonly MemoryConnection _connection = new();
    private readonly TestServer _server = new() { ExpireAfterDays = 7 };

    public FetchedTests()
    {
        _server.Maildrop.Add("Subject: one\r\n\r\nHello.\r\n");
        _server.Maildrop.Add("Subject: two\r\n\r\nHello.\r\n");
    }

    [Fact]
    public async Task Retr_WhenTheClientHasGone_IsNotFetched()
    {
        var session = _server.RunPop3Async(_connection, plaintextLogin: true);
        await LogInAsync();

        _connection.CloseClientInput();
        await _connection.SendAsync("RETR 1\r\nRETR 2\r\nQUIT\r\n");

        await session.WaitAsync(Session.Limit, TestContext.Current.CancellationToken);
        Assert.Empty(_server.Maildrop.Fetched);
    }

    [Fact]
    public async Task Retr_PipelinedWithQuit_IsFetchedBeforeTheMaildropCloses()
    {
        var session = _server.RunPop3Async(_connection, plaintextLogin: true);

        await _connection.SendAsync($"USER alice@example.test\r\nPASS {TestServer.Password}\r\nRETR 2\r\nTOP 1 0\r\nQUIT\r\n");

        await session.WaitAsync(Session.Limit, TestContext.Current.CancellationToken);
        Assert.Equal([2u], _server.Maildrop.Fetched);
    }

    [Fact]
    public async Task Retr_ThenNothingMore_IsFetched()
    {
        var session = _server.RunPop3Async(_connection, plaintextLogin: true);
        await LogInAsync();

        await _connection.SendAsync("RETR 1\r\n");
        await ReadUntilAsync("Hello.\r\n.\r\n");
        _connection.CloseClient();

        await session.WaitAsync(Session.Limit, TestContext.Current.CancellationToken);
        Assert.Equal([1u], _server.Maildrop.Fetched);
    }

    private async Task LogInAsync()
    {
        await _connection.SendAsync($"USER alice@example.test\r\nPASS {TestServer.Password}\r\n");
        await ReadUntilAsync("octets)\r\n");
    }

    private async Task ReadUntilAsync(string end)
    {
        var said = new StringBuilder();
        var buffer = new byte[1024];
        while (!said.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            var read = await _connection.Client.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(Session.Limit);
            Assert.True(read > 0, $"The server closed behind: {said}");
            said.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
    }
}
