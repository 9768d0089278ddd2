using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>A client on a real socket, octet by octet if wanted, in plaintext or TLS; lines are Latin-1.</summary>
internal sealed class EdgeClient : IAsyncDisposable
{

    private readonly TcpClient _tcp = new() { NoDelay = true };
    private readonly byte[] _buffer = new byte[16 * 1024];
    private Stream _stream = Stream.Null;
    private int _start;
    private int _end;

    /// <summary>How long it waits for octets.</summary>
    public TimeSpan Limit { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>What the server showed in its handshake.</summary>
    public X509Certificate2? Certificate { get; private set; }

    public static async Task<EdgeClient> ConnectAsync(int port, bool tls = false, byte[]? first = null, bool octetwise = false)
    {
        var client = new EdgeClient();
        await client._tcp.ConnectAsync("127.0.0.1", port);
        client._stream = client._tcp.GetStream();
        if (first is not null)
        {
            await client.SendAsync(first, octetwise);
        }

        if (tls)
        {
            await client.StartTlsAsync();
        }

        return client;
    }

    public async Task StartTlsAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        var tls = new SslStream(_stream, leaveInnerStreamOpen: false, (_, certificate, _, _) =>
        {
            Certificate = X509CertificateLoader.LoadCertificate(certificate!.GetRawCertData());
            return Certificate.Subject.EndsWith(".example.test", StringComparison.Ordinal); // self-signed by the test
        });
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = RunningEdge.HostName }, limit.Token);
        _stream = tls;
    }

    public async Task SendAsync(byte[] octets, bool octetwise = false)
    {
        using var limit = new CancellationTokenSource(Limit);
        foreach (var part in octets.Chunk(octetwise ? 1 : Math.Max(1, octets.Length)))
        {
            await _stream.WriteAsync(part, limit.Token);
            await _stream.FlushAsync(limit.Token);
        }
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>The next line without its CRLF; null at the end, however the server brought it about.</summary>
    public async Task<string?> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            while (_start < _end)
            {
                var c = (char)_buffer[_start++];
                if (c == '\n')
                {
                    return line.ToString().TrimEnd('\r');
                }

                line.Append(c);
            }

            using var limit = new CancellationTokenSource(Limit);
            try
            {
                (_start, _end) = (0, await _stream.ReadAsync(_buffer, limit.Token));
            }
            catch (IOException)
            {
                _end = 0;
            }

            if (_end == 0)
            {
                return line.Length > 0 ? line.ToString() : null;
            }
        }
    }

    /// <summary>A whole SMTP reply, lines joined by line feeds; empty at the end of the connection.</summary>
    public async Task<string> ReadReplyAsync()
    {
        var lines = new List<string>();
        while (await ReadLineAsync() is { } line)
        {
            lines.Add(line);
            if (line.Length < 4 || line[3] != '-')
            {
                break;
            }
        }

        return string.Join('\n', lines);
    }

    public async Task<string> AskAsync(string command)
    {
        await SendAsync(command + "\r\n");
        return await ReadReplyAsync();
    }

    /// <summary>Sends a small message to bob and gives the answers to MAIL, RCPT, DATA and the message.</summary>
    public async Task<string> SendMessageAsync(string from = "alice@elsewhere.test")
    {
        var mail = await AskAsync($"MAIL FROM:<{from}>");
        if (!mail.StartsWith("250", StringComparison.Ordinal))
        {
            return mail;
        }

        var recipient = await AskAsync("RCPT TO:<bob@example.test>");
        if (!recipient.StartsWith("250", StringComparison.Ordinal))
        {
            return recipient;
        }

        await AskAsync("DATA");
        return await AskAsync($"From: <{from}>\r\nSubject: hello\r\n\r\nhello\r\n.");
    }

    public ValueTask DisposeAsync()
    {
        _stream.Dispose();
        _tcp.Dispose();
        return ValueTask.CompletedTask;
    }
}
