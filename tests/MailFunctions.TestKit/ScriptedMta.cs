using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace MailFunctions.TestKit;

/// <summary>
/// Another server's SMTP port on 127.0.0.1 that behaves as a test says: what it answers, what it offers, where it hangs
/// up. It keeps every command and every message, octet for octet with the dots taken out.
/// </summary>
public sealed class ScriptedMta : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;

    public ScriptedMta()
    {
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>EHLO keywords.</summary>
    public IReadOnlyList<string> Extensions { get; init; } =
        ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "SIZE 100000000"];

    /// <summary>EHLO keywords besides, under TLS only.</summary>
    public IReadOnlyList<string> ExtensionsUnderTls { get; init; } = [];

    /// <summary>For STARTTLS, which is offered only with one.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Certificates that are sent behind the server's own.</summary>
    public X509Certificate2Collection Chain { get; init; } = [];

    /// <summary>TLS from the first octet.</summary>
    public bool IsImplicitTls { get; init; }

    /// <summary>
    /// The reply to a command (`RCPT TO:…`), to the connection (`CONNECT`) or to a message (`.`); null: as usual; empty: hang up.
    /// </summary>
    public Func<string, string?> Script { get; set; } = _ => null;

    /// <summary>Waits before every reply, and before the handshake behind STARTTLS (`HANDSHAKE`).</summary>
    public Func<string, Task> Delay { get; init; } = _ => Task.CompletedTask;

    public ConcurrentQueue<string> Commands { get; } = [];

    public ConcurrentQueue<ReceivedMail> Messages { get; } = [];

    private int _connections;

    public int Connections => _connections;

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(_stopping.Token);
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(client);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await ConverseAsync(client.GetStream());
            }
            catch (Exception e) when (e is IOException or OperationCanceledException
                or System.Security.Authentication.AuthenticationException)
            {
                // The client hung up, or does not like the certificate.
            }
        }
    }

    private async Task ConverseAsync(Stream stream)
    {
        var secure = IsImplicitTls;
        if (secure)
        {
            stream = await SecureAsync(stream);
        }

        if (!await SayAsync(stream, "CONNECT", "220 there ESMTP"))
        {
            return;
        }

        var sender = "";
        var recipients = new List<string>();
        var chunks = new MemoryStream();
        var input = new BufferedStream(stream, 16 * 1024);
        while (await ReadLineAsync(input) is { } octets)
        {
            var line = Encoding.UTF8.GetString(octets).TrimEnd('\r', '\n');
            Commands.Enqueue(line);
            var verb = line.Split(' ', ':')[0].ToUpperInvariant();
            var usual = verb switch
            {
                "EHLO" => Capabilities(secure),
                "DATA" when recipients.Count == 0 => "554 5.5.1 No valid recipients",
                "DATA" => "354 Go on",
                "STARTTLS" => "220 Ready",
                "QUIT" => "221 Bye",
                "BDAT" => "250 2.0.0 OK",
                "AUTH" => "235 2.7.0 OK",
                _ => "250 2.0.0 OK",
            };
            var reply = Script(line) ?? usual;
            if (verb == "BDAT")
            {
                var content = new byte[int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)];
                await input.ReadExactlyAsync(content, _stopping.Token);
                chunks.Write(content);
                if (line.EndsWith(" LAST", StringComparison.Ordinal))
                {
                    Messages.Enqueue(new ReceivedMail(sender, [.. recipients], chunks.ToArray()));
                    chunks.SetLength(0);
                }
            }

            await Delay(line);
            if (reply.Length == 0)
            {
                return;
            }

            await SendAsync(stream, reply);
            switch (verb)
            {
                case "MAIL" when reply[0] == '2':
                    sender = line;
                    recipients.Clear();
                    break;
                case "RCPT" when reply[0] == '2':
                    recipients.Add(line);
                    break;
                case "DATA" when reply[0] == '3':
                    if (!await TakeAsync(stream, input, sender, recipients))
                    {
                        return;
                    }

                    break;
                case "STARTTLS" when reply[0] == '2':
                    await Delay("HANDSHAKE");
                    stream = await SecureAsync(stream);
                    (input, secure) = (new BufferedStream(stream, 16 * 1024), true);
                    break;
                case "QUIT":
                    return;
            }
        }
    }

    private async Task<bool> TakeAsync(Stream stream, Stream input, string sender, List<string> recipients)
    {
        if (Script("CONTENT") is { } early)
        {
            if (early.Length > 0)
            {
                await SendAsync(stream, early);
            }

            return false; // hangs up before the final dot
        }

        var content = new MemoryStream();
        while (await ReadLineAsync(input) is { } line)
        {
            if (line.AsSpan().SequenceEqual(".\r\n"u8))
            {
                var reply = Script(".") ?? "250 2.0.0 Taken";
                if (reply.Length == 0 || reply[0] == '2')
                {
                    Messages.Enqueue(new ReceivedMail(sender, [.. recipients], content.ToArray()));
                }

                await Delay(".");
                if (reply.Length > 0)
                {
                    await SendAsync(stream, reply);
                }

                return reply.Length > 0;
            }

            content.Write(line[0] == '.' ? line.AsSpan(1) : line);
        }

        return false;
    }

    private async Task<Stream> SecureAsync(Stream stream)
    {
        var tls = new SslStream(stream);
        var context = SslStreamCertificateContext.Create(Certificate!, Chain, offline: true);
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = context }, _stopping.Token);
        return tls;
    }

    private string Capabilities(bool secure)
    {
        List<string> lines = ["there", .. Extensions, .. secure ? ExtensionsUnderTls : []];
        if (Certificate is not null && !secure)
        {
            lines.Add("STARTTLS");
        }

        return string.Join("\r\n", lines.Select((l, i) => $"250{(i == lines.Count - 1 ? ' ' : '-')}{l}"));
    }

    private async Task<bool> SayAsync(Stream stream, string what, string usual)
    {
        var reply = Script(what) ?? usual;
        await Delay(what);
        if (reply.Length > 0)
        {
            await SendAsync(stream, reply);
        }

        return reply.Length > 0;
    }

    private Task SendAsync(Stream stream, string reply) =>
        stream.WriteAsync(Encoding.UTF8.GetBytes(reply + "\r\n"), _stopping.Token).AsTask();

    private async Task<byte[]?> ReadLineAsync(Stream input)
    {
        var line = new MemoryStream();
        var one = new byte[1];
        while (await input.ReadAsync(one, _stopping.Token) > 0)
        {
            line.WriteByte(one[0]);
            if (one[0] == '\n')
            {
                return line.ToArray();
            }
        }

        return null;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stopping.Dispose();
    }
}

/// <summary>What a scripted server took: the commands' lines and the content.</summary>
public sealed record ReceivedMail(string Sender, IReadOnlyList<string> Recipients, byte[] Content);
