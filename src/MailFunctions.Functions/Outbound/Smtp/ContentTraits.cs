using System.Buffers;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>RFC 6152 §2, RFC 3030 §3: what a transport has to carry.</summary>
internal enum BodyType
{
    SevenBit,
    EightBit,
    Binary,
}

/// <summary>What a message's octets require of its transport, whatever its sender declared.</summary>
/// <param name="HasEightBit">Octets over 127, in the header section or behind it.</param>
/// <param name="HasEightBitHeader">In the header section of the message itself.</param>
/// <param name="HasBareBreaks">A CR or LF alone, which DATA can't carry.</param>
internal sealed record ContentTraits(bool HasEightBit, bool HasEightBitHeader, bool HasBareBreaks)
{
    private const int ChunkOctets = 64 * 1024;

    public BodyType Body => HasBareBreaks ? BodyType.Binary : HasEightBit ? BodyType.EightBit : BodyType.SevenBit;

    /// <summary>Reads the message to its end.</summary>
    public static async Task<ContentTraits> ReadAsync(Stream content, CancellationToken cancellationToken)
    {
        var scan = new Scan();
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkOctets);
        try
        {
            int read;
            while ((read = await content.ReadAsync(chunk.AsMemory(0, ChunkOctets), cancellationToken)) > 0)
            {
                scan.Add(chunk.AsSpan(0, read));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }

        return scan.End();
    }

    private sealed class Scan
    {
        private bool _eightBit;
        private bool _eightBitHeader;
        private bool _bareBreaks;
        private bool _isHeader = true;
        private bool _isLineStart = true;
        private bool _isBehindCr;

        public void Add(ReadOnlySpan<byte> octets)
        {
            while (!octets.IsEmpty)
            {
                if (_isBehindCr)
                {
                    _isBehindCr = false;
                    _bareBreaks |= octets[0] != '\n';
                    _isHeader &= !_isLineStart; // the empty line
                    _isLineStart = true;
                    octets = octets[0] == '\n' ? octets[1..] : octets;
                    continue;
                }

                var end = octets.IndexOfAny((byte)'\r', (byte)'\n');
                var line = end < 0 ? octets : octets[..end];
                if (!System.Text.Ascii.IsValid(line))
                {
                    (_eightBit, _eightBitHeader) = (true, _eightBitHeader || _isHeader);
                }

                _isLineStart &= line.IsEmpty;
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
                    _bareBreaks = true;
                    _isHeader &= !_isLineStart;
                    _isLineStart = true;
                }

                octets = octets[(end + 1)..];
            }
        }

        public ContentTraits End() => new(_eightBit, _eightBitHeader, _bareBreaks || _isBehindCr);
    }
}
