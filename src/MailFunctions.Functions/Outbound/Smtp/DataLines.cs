using System.Buffers;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>
/// Content as DATA carries it (RFC 5321 §4.5.2): dots doubled at the start of lines, and every line break a CRLF. A bare CR
/// or LF never leaves here: behind one a lax peer could read the end of the message (RFC 5321 §2.3.8).
/// </summary>
/// <param name="dots">Doubles them; otherwise only line breaks are put right.</param>
internal sealed class DataLines(bool dots)
{
    private bool _isLineStart = true;
    private bool _isBehindCr;

    public void Write(ReadOnlySpan<byte> octets, IBufferWriter<byte> to)
    {
        while (!octets.IsEmpty)
        {
            if (_isBehindCr)
            {
                to.Write("\r\n"u8);
                (_isBehindCr, _isLineStart) = (false, true);
                octets = octets[0] == '\n' ? octets[1..] : octets;
                continue;
            }

            if (_isLineStart && dots && octets[0] == '.')
            {
                to.Write("."u8);
            }

            var end = octets.IndexOfAny((byte)'\r', (byte)'\n');
            to.Write(end < 0 ? octets : octets[..end]);
            _isLineStart = false;
            if (end < 0)
            {
                return;
            }

            if (octets[end] == '\r')
            {
                _isBehindCr = true;
            }
            else
            {
                to.Write("\r\n"u8);
                _isLineStart = true;
            }

            octets = octets[(end + 1)..];
        }
    }

    /// <summary>Ends the last line where it has no end.</summary>
    public void End(IBufferWriter<byte> to)
    {
        if (_isBehindCr || !_isLineStart)
        {
            to.Write("\r\n"u8);
            (_isBehindCr, _isLineStart) = (false, true);
        }
    }
}
