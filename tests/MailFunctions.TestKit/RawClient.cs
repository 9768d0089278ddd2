using System.Net.Sockets;
using System.Text;

namespace MailFunctions.TestKit;

/// <summary>Octets and lines over a plain socket: what no mail library would send.</summary>
public sealed class RawClient : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly TcpClient _client = new() { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    public static async Task<RawClient> ConnectAsync(int port)
    {
        var raw = new RawClient();
        await raw._client.ConnectAsync("127.0.0.1", port);
        return raw;
    }

    public async Task SendAsync(ReadOnlyMemory<byte> octets)
    {
        using var limit = new CancellationTokenSource(Limit);
        await _client.GetStream().WriteAsync(octets, limit.Token);
    }

    /// <summary>Sends one line in Latin-1, so that every octet can be written as a character.</summary>
    public Task SendLineAsync(string line) => SendAsync(Encoding.Latin1.GetBytes(line + "\r\n"));

    /// <summary>The next line with its CRLF removed, in Latin-1; null at the end.</summary>
    public async Task<string?> ReadLineAsync()
    {
        var octets = await ReadLineOctetsAsync();
        return octets is null ? null : Encoding.Latin1.GetString(octets.AsSpan().TrimEnd("\r\n"u8));
    }

    /// <summary>The next line with its line feed; null at the end.</summary>
    public async Task<byte[]?> ReadLineOctetsAsync()
    {
        var line = new MemoryStream();
        while (true)
        {
            var feed = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                line.Write(_buffer, _start, feed + 1);
                _start += feed + 1;
                return line.ToArray();
            }

            line.Write(_buffer, _start, _end - _start);
            (_start, _end) = (0, 0);
            if (!await FillAsync())
            {
                return line.Length > 0 ? line.ToArray() : null;
            }
        }
    }

    /// <summary>
    /// Reads what follows the status line of a POP3 multi-line response and keeps nothing; returns its octets, stuffing included.
    /// </summary>
    public async Task<long> SkipMultiLineAsync()
    {
        for (var octets = 0L; ;)
        {
            if (octets == 0 && _buffer.AsSpan(_start, _end - _start).StartsWith(".\r\n"u8))
            {
                _start += 3;
                return 0;
            }

            var end = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n.\r\n"u8);
            if (end >= 0)
            {
                _start += end + 5;
                return octets + end + 2;
            }

            var kept = Math.Min(_end - _start, 4); // the terminator may be cut
            octets += _end - _start - kept;
            _buffer.AsSpan(_end - kept, kept).CopyTo(_buffer);
            (_start, _end) = (0, kept);
            if (!await FillAsync())
            {
                throw new IOException("The server closed the connection inside a multi-line response.");
            }
        }
    }

    /// <summary>Octets behind those that are held; false at the end.</summary>
    private async Task<bool> FillAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        var count = await _client.GetStream().ReadAsync(_buffer.AsMemory(_end), limit.Token);
        _end += count;
        return count > 0;
    }

    /// <summary>An SMTP reply of any number of lines, joined by line feeds.</summary>
    public async Task<string> ReadReplyAsync()
    {
        var lines = new List<string>();
        do
        {
            lines.Add(await ReadLineAsync()
                ?? throw new IOException("The server closed the connection; so far it said: " + string.Join('\n', lines)));
        }
        while (lines[^1].Length > 3 && lines[^1][3] == '-');
        return string.Join('\n', lines);
    }

    /// <summary>Sends a command and reads its SMTP reply.</summary>
    public async Task<string> AskAsync(string command)
    {
        await SendLineAsync(command);
        return await ReadReplyAsync();
    }

    /// <summary>The lines of a POP3 multi-line response behind its status line, un-stuffed, with their line ends (RFC 1939 §3).</summary>
    public async Task<byte[]> ReadMultiLineAsync()
    {
        var content = new MemoryStream();
        while (await ReadLineOctetsAsync() is { } line)
        {
            if (line.AsSpan().SequenceEqual(".\r\n"u8))
            {
                return content.ToArray();
            }

            content.Write(line[0] == '.' ? line.AsSpan(1) : line);
        }

        throw new IOException("The server closed the connection inside a multi-line response.");
    }

    /// <summary>Closes our side only.</summary>
    public void CloseOutput() => _client.Client.Shutdown(SocketShutdown.Send);

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }
}
