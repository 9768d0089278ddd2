using System.Security.Cryptography;

namespace MailFunctions.Functions.Dkim;

/// <summary>
/// SHA-256 of a body in its relaxed form (RFC 6376 §3.4.4), taken as the octets come by: white space within a line is one
/// space, at its end nothing; empty lines at the end of the body are nothing.
/// </summary>
internal sealed class RelaxedBody : IDisposable
{
    private const int BufferOctets = 8 * 1024;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _buffer = new byte[BufferOctets];
    private int _buffered;
    private long _lineBreaks;
    private bool _space;
    private bool _carriageReturn;
    private bool _any;

    public void Append(ReadOnlySpan<byte> octets)
    {
        while (!octets.IsEmpty)
        {
            if (_carriageReturn)
            {
                _carriageReturn = false;
                if (octets[0] == '\n')
                {
                    _space = false;
                    _lineBreaks++;
                    octets = octets[1..];
                    continue;
                }

                Take("\r"u8); // alone it is no line break
            }

            var run = octets.IndexOfAny((byte)' ', (byte)'\t', (byte)'\r');
            if (run != 0)
            {
                run = run < 0 ? octets.Length : run;
                Take(octets[..run]);
                octets = octets[run..];
                continue;
            }

            _carriageReturn = octets[0] == '\r';
            _space |= !_carriageReturn;
            octets = octets[1..];
        }
    }

    /// <summary>Ends the body. One that is not empty ends with a line break, whether it came with one or not.</summary>
    public byte[] Finish()
    {
        if (_carriageReturn)
        {
            Take("\r"u8);
        }

        if (_any)
        {
            Write("\r\n"u8);
        }

        _hash.AppendData(_buffer.AsSpan(0, _buffered));
        return _hash.GetHashAndReset();
    }

    public void Dispose() => _hash.Dispose();

    /// <summary>Octets that are neither white space nor line break, behind what was held back before them.</summary>
    private void Take(ReadOnlySpan<byte> octets)
    {
        _any = true;
        for (; _lineBreaks > 0; _lineBreaks--)
        {
            Write("\r\n"u8);
        }

        if (_space)
        {
            _space = false;
            Write(" "u8);
        }

        Write(octets);
    }

    private void Write(ReadOnlySpan<byte> octets)
    {
        if (octets.Length > BufferOctets - _buffered)
        {
            _hash.AppendData(_buffer.AsSpan(0, _buffered));
            _buffered = 0;
        }

        if (octets.Length > BufferOctets)
        {
            _hash.AppendData(octets);
            return;
        }

        octets.CopyTo(_buffer.AsSpan(_buffered));
        _buffered += octets.Length;
    }
}
