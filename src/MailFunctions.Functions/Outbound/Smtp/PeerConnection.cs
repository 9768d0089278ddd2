using System.Net.Security;
using System.Text;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>Commands to a peer and replies from it, with or without TLS. The stream bounds octets and time.</summary>
internal sealed class PeerConnection(Stream stream) : IDisposable
{
    private const int BufferOctets = 4096;

    private readonly byte[] _buffer = new byte[BufferOctets];
    private Stream _stream = stream;
    private int _start;
    private int _end;

    /// <summary>The handshake succeeded.</summary>
    public bool IsSecure { get; private set; }

    /// <exception cref="InvalidDataException">What came is no reply.</exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public async Task<PeerReply> ReadReplyAsync(CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        while (true)
        {
            var line = await ReadLineAsync(cancellationToken);
            if (line.Length < 3 || line.AsSpan(0, 3).ContainsAnyExceptInRange('0', '9') || (line.Length > 3 && line[3] is not (' ' or '-')))
            {
                throw new InvalidDataException("The peer's reply has no code.");
            }

            lines.Add(line.Length > 4 ? line[4..] : "");
            if (line.Length == 3 || line[3] == ' ')
            {
                // RFC 5321 §4.2.1 requires one code on all lines; where they differ, the last one counts.
                return new PeerReply(int.Parse(line.AsSpan(0, 3), System.Globalization.CultureInfo.InvariantCulture), lines);
            }
        }
    }

    /// <summary>Sends one command or several, each with its line break.</summary>
    public async Task WriteAsync(string commands, CancellationToken cancellationToken) =>
        await WriteAsync(Encoding.UTF8.GetBytes(commands), cancellationToken);

    public async Task WriteAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        await _stream.WriteAsync(octets, cancellationToken);
        await _stream.FlushAsync(cancellationToken);
    }

    /// <summary>Makes a TLS handshake. After an exception the connection can't be used.</summary>
    public async Task SecureAsync(SslClientAuthenticationOptions options, CancellationToken cancellationToken)
    {
        if (_start < _end)
        {
            // RFC 3207 §5: plaintext after the reply could be an attacker's.
            throw new InvalidDataException("The peer went on in plaintext behind its reply to STARTTLS.");
        }

        var tls = new SslStream(_stream);
        _stream = tls; // disposed with us in any case
        await tls.AuthenticateAsClientAsync(options, cancellationToken);
        IsSecure = true;
    }

    public void Dispose() => _stream.Dispose();

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new MemoryStream();
        while (true)
        {
            var octets = _buffer.AsMemory(_start, _end - _start);
            var end = octets.Span.IndexOf((byte)'\n');
            line.Write(octets.Span[..(end < 0 ? octets.Length : end)]);
            _start += end < 0 ? octets.Length : end + 1;
            if (end >= 0)
            {
                return Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length).TrimEnd('\r');
            }

            _start = 0;
            _end = await _stream.ReadAsync(_buffer, cancellationToken);
            if (_end == 0)
            {
                throw new EndOfStreamException("The peer closed the connection.");
            }
        }
    }
}
