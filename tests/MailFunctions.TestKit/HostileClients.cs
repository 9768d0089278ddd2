using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace MailFunctions.TestKit;

/// <summary>Ports of the edge under attack.</summary>
public sealed record EdgePorts(int Smtp, int Smtps, int Pop3);

/// <summary>One kind of attack on the edge's memory: what each of its connections does.</summary>
/// <param name="Name">Short, for a table.</param>
/// <param name="Port">Where it connects.</param>
/// <param name="Start">What each connection says first; the replies are waited for where <paramref name="Reads"/> says so.</param>
/// <param name="Flood">Said again and again behind that, until the server reads no further; empty: silence.</param>
/// <param name="Reads">Replies are read, and thrown away.</param>
/// <param name="FloodOctets">The most that is sent of <paramref name="Flood"/> by one connection.</param>
/// <param name="Tls">Makes a TLS handshake first.</param>
public sealed record HostileClient(
    string Name, Func<EdgePorts, int> Port, string Start, string Flood = "", bool Reads = false, long FloodOctets = 16 * 1024 * 1024,
    bool Tls = false)
{
    private const string Hello = "EHLO a\r\n";
    private const string Mail = "MAIL FROM:<x@y.test>\r\n";

    public static IReadOnlyList<HostileClient> All { get; } =
    [
        new("SMTP, silent after EHLO", p => p.Smtp, Hello),
        new("SMTP, EHLO without end, reads nothing", p => p.Smtp, Hello, Repeat(Hello, 512)),
        new(
            "SMTP, EHLO without end behind an RCPT that waits, reads", p => p.Smtp, Hello + Mail + "RCPT TO:<slow@bench.test>\r\n",
            Repeat(Hello, 512), Reads: true),
        new("SMTP, NOOP without end behind a message that waits for the bus", p => p.Smtp,
            Hello + Mail + "RCPT TO:<hold@bench.test>\r\nBDAT 8 LAST\r\nA: b\r\n\r\n", Repeat("NOOP\r\n", 512), Reads: true),
        new("SMTP, a command line without end", p => p.Smtp, "EHLO " + new string('a', 2000)),
        new("SMTP, BDAT of 17 octets, then silence", p => p.Smtp,
            Hello + Mail + "RCPT TO:<u@bench.test>\r\nBDAT 17\r\nA: b\r\n\r\n123456789"),
        new("SMTP, a header section without end", p => p.Smtp,
            Hello + Mail + "RCPT TO:<u@bench.test>\r\nDATA\r\n", Repeat("A: " + new string('x', 990) + "\r\n", 8), FloodOctets: 250 * 1024),
        new("SMTP, a message of 900 KiB without end", p => p.Smtp,
            Hello + Mail + "RCPT TO:<u@bench.test>\r\nDATA\r\nA: b\r\n\r\n", Repeat(new string('x', 998) + "\r\n", 8),
            FloodOctets: 900 * 1024),
        new("POP3, CAPA without end, reads nothing", p => p.Pop3, "", Repeat("CAPA\r\n", 512)),
        new("TLS, no handshake", p => p.Smtps, ""),
        new("TLS, silent after EHLO", p => p.Smtps, Hello, Tls: true),
        new("TLS, EHLO without end, reads nothing", p => p.Smtps, Hello, Repeat(Hello, 512), Tls: true),
    ];

    /// <summary>
    /// Opens one connection and does its worst until it is cancelled; completes <paramref name="settled"/> when it has no more to send for
    /// now.
    /// </summary>
    public async Task RunAsync(EdgePorts ports, TaskCompletionSource settled, CancellationToken cancellationToken)
    {
        // A small window: what the server can't send stays with the server, and not in the two kernels.
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,
            ReceiveBufferSize = 4096,
            SendBufferSize = 16 * 1024,
        };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Port(ports)), cancellationToken);
            Stream stream = new NetworkStream(socket);
            if (Tls)
            {
                var tls = new SslStream(stream, false, static (_, shown, _, _) => shown is not null);
                await tls.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions { TargetHost = "mail.bench.test" }, cancellationToken);
                stream = tls;
            }

            var reading = ReadAsync(stream, Reads || Flood.Length == 0, cancellationToken);
            if (Start.Length > 0)
            {
                await reading.Greeted.WaitAsync(cancellationToken); // one that speaks before the greeting is sent away
                await stream.WriteAsync(Encoding.ASCII.GetBytes(Start), cancellationToken);
            }

            await FloodAsync(stream, settled, cancellationToken);
            settled.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            settled.TrySetResult(); // the server had enough of it
        }
    }

    private async Task FloodAsync(Stream stream, TaskCompletionSource settled, CancellationToken cancellationToken)
    {
        var flood = Encoding.ASCII.GetBytes(Flood);
        for (var sent = 0L; flood.Length > 0 && sent < FloodOctets; sent += flood.Length)
        {
            var write = stream.WriteAsync(flood, cancellationToken).AsTask();
            if (await Task.WhenAny(write, Task.Delay(TimeSpan.FromSeconds(3), cancellationToken)) != write)
            {
                settled.TrySetResult(); // the server reads no further, which is what it should do
            }

            await write;
        }
    }

    private static (Task Greeted, Task All) ReadAsync(Stream stream, bool reads, CancellationToken cancellationToken)
    {
        var greeted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return (greeted.Task, Task.Run(ReadAllAsync, CancellationToken.None));

        async Task ReadAllAsync()
        {
            var buffer = new byte[1024];
            try
            {
                do
                {
                    if (await stream.ReadAsync(buffer, cancellationToken) == 0)
                    {
                        break;
                    }

                    greeted.TrySetResult();
                }
                while (reads);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The end of it.
            }

            greeted.TrySetResult();
        }
    }

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
