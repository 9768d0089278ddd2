using System.Globalization;
using System.Text;

namespace MailFunctions.Local.Sink;

/// <summary>
/// One SMTP session of the sink, with the extensions that mail needs to leave unchanged. Each message becomes a file
/// `{time}-{random}.eml`, headed by `X-Envelope-From` and `X-Envelope-To` fields with the commands' arguments.
/// </summary>
internal sealed class SinkSession(Stream stream, string directory)
{
    private const int MaxLine = 8 * 1024;
    private const long MaxMessage = 256 * 1024 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;
    private readonly List<string> _recipients = [];
    private string? _sender;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        await SayAsync("220 sink ESMTP", limit.Token);
        while (await ReadLineAsync(limit.Token) is { } octets)
        {
            limit.CancelAfter(Limit);
            var line = Encoding.UTF8.GetString(octets).TrimEnd('\r', '\n');
            var verb = line.Split(' ', ':')[0].ToUpperInvariant();
            await SayAsync(verb == "DATA" && _recipients.Count > 0 ? await TakeAsync(limit.Token) : Answer(verb, line), limit.Token);
            if (verb == "QUIT")
            {
                return;
            }
        }
    }

    private string Answer(string verb, string line)
    {
        switch (verb)
        {
            case "EHLO":
                return "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 268435456";
            case "HELO" or "NOOP":
                return "250 2.0.0 OK";
            case "MAIL":
                _sender = line;
                _recipients.Clear();
                return "250 2.1.0 OK";
            case "RCPT" when _sender is null:
                return "503 5.5.1 MAIL first";
            case "RCPT" when line.Contains(":<refused", StringComparison.OrdinalIgnoreCase):
                return "550 5.1.1 No such user here";
            case "RCPT" when line.Contains(":<deferred", StringComparison.OrdinalIgnoreCase):
                return "451 4.2.0 Come again later";
            case "RCPT":
                _recipients.Add(line);
                return "250 2.1.5 OK";
            case "RSET":
                _sender = null;
                _recipients.Clear();
                return "250 2.0.0 OK";
            case "DATA":
                return "503 5.5.1 RCPT first";
            case "QUIT":
                return "221 2.0.0 Bye";
            default:
                return "502 5.5.1 Not here";
        }
    }

    /// <summary>The reply to the end of the data: given when the file is in place.</summary>
    private async Task<string> TakeAsync(CancellationToken cancellationToken)
    {
        await SayAsync("354 Go on", cancellationToken);
        var name = string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyyMMdd'T'HHmmssfff}-{Guid.NewGuid():N}");
        var path = Path.Combine(directory, name + ".eml");
        long octets = 0;
        await using (var file = new FileStream(path + ".new", FileMode.CreateNew))
        {
            await file.WriteAsync(Encoding.UTF8.GetBytes(
                $"X-Envelope-From: {_sender![5..]}\r\n"
                    + $"{string.Concat(_recipients.Select(r => $"X-Envelope-To: {r[5..]}\r\n"))}"), cancellationToken);
            while (await ReadLineAsync(cancellationToken) is { } line)
            {
                if (line is [(byte)'.', (byte)'\r', (byte)'\n'])
                {
                    await file.DisposeAsync();
                    File.Move(path + ".new", path);
                    var count = _recipients.Count;
                    _sender = null;
                    _recipients.Clear();
                    return $"250 2.0.0 Kept as {name} for {count}";
                }

                // RFC 5321 §4.5.2: transparency
                var content = line[0] == '.' ? line.AsMemory(1) : line;
                octets += content.Length;
                if (octets > MaxMessage)
                {
                    throw new IOException("The message is larger than the sink takes.");
                }

                await file.WriteAsync(content, cancellationToken);
            }
        }

        File.Delete(path + ".new");
        throw new IOException("The client closed the connection inside a message.");
    }

    /// <summary>A line with its end; in parts where it is very long; null at the end.</summary>
    private async Task<byte[]?> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new MemoryStream();
        while (line.Length < MaxLine)
        {
            if (_start == _end)
            {
                (_start, _end) = (0, await stream.ReadAsync(_buffer, cancellationToken));
                if (_end == 0)
                {
                    return line.Length > 0 ? line.ToArray() : null;
                }
            }

            var feed = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            var taken = feed < 0 ? _end - _start : feed + 1;
            line.Write(_buffer, _start, taken);
            _start += taken;
            if (feed >= 0)
            {
                break;
            }
        }

        return line.ToArray();
    }

    private async Task SayAsync(string reply, CancellationToken cancellationToken) =>
        await stream.WriteAsync(Encoding.ASCII.GetBytes(reply + "\r\n"), cancellationToken);
}
