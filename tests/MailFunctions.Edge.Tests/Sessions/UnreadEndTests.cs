using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using MailFunctions.Edge.Connections;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>A client that reads nothing loses its session by time, and then its connection, in plaintext and under TLS.</summary>
public sealed class UnreadEndTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NothingRead_TheConnectionIsCutOff(bool startTls)
    {
        var time = new ManualTime();
        await using var edge = await RunningEdge.StartAsync(time);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096, SendBufferSize = 4096 };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, edge.Pop3), TestContext.Current.CancellationToken);
        Stream stream = new NetworkStream(socket);
        if (startTls)
        {
            stream = await StartTlsAsync(stream);
        }

        using var end = new CancellationTokenSource(Limit);
        var flood = Task.Run(() => FloodAsync(stream, end.Token), end.Token);
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        Assert.False(flood.IsCompleted);
        Assert.Equal(1, edge.Open);

        time.Advance(TimeSpan.FromMinutes(3)); // the session
        await edge.WaitForSessionEndAsync();
        Assert.Equal(["NotReading"], edge.Ends);
        Assert.Equal(1, edge.Open); // it still costs its memory, so it is still counted
        time.Advance(ConnectionClosing.Limit + TimeSpan.FromSeconds(1)); // the connection

        await Assert.ThrowsAsync<IOException>(() => flood.WaitAsync(Limit));
        for (var i = 0; i < 100 && edge.Open > 0; i++)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, edge.Open);
    }

    private static async Task<Stream> StartTlsAsync(Stream stream)
    {
        var buffer = new byte[512];
        _ = await stream.ReadAsync(buffer, TestContext.Current.CancellationToken);
        await stream.WriteAsync("STLS\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        _ = await stream.ReadAsync(buffer, TestContext.Current.CancellationToken);
        var tls =
            new SslStream(
                stream, false, static (_, certificate, _, _) => certificate!.Subject.EndsWith(".example.test", StringComparison.Ordinal));
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = RunningEdge.HostName }, TestContext.Current.CancellationToken);
        return tls;
    }

    private static async Task FloodAsync(Stream stream, CancellationToken end)
    {
        var commands = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("CAPA\r\n", 512)));
        while (true)
        {
            await stream.WriteAsync(commands, end);
        }
    }
}
