using System.Buffers;
using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Inbound;

/// <summary>The header section exceeds its limit.</summary>
internal sealed class HeaderTooLargeException : Exception;

/// <summary>Bounds the octets that a parser reads in one header section; counts all of them, and knows how the message ends.</summary>
internal sealed class BoundedHeaderStream(Stream inner, long maxHeaderOctets) : ForwardStream
{
    private const int ChunkOctets = 64 * 1024;

    private long _headerOctets;
    private byte _beforeLast;
    private byte _last;

    public long Octets { get; private set; }

    public bool EndsInLineBreak => _beforeLast == '\r' && _last == '\n';

    /// <summary>The parser is inside a header section.</summary>
    public bool InHeader
    {
        get;
        set
        {
            field = value;
            _headerOctets = 0;
        }
    } = true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (InHeader && _headerOctets > maxHeaderOctets)
        {
            throw new HeaderTooLargeException();
        }

        var read = await inner.ReadAsync(buffer, cancellationToken);
        _headerOctets += read;
        Note(buffer.Span[..read]);
        return read;
    }

    public async Task ReadToEndAsync(CancellationToken cancellationToken)
    {
        InHeader = false;
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkOctets);
        try
        {
            while (await ReadAsync(buffer, cancellationToken) > 0)
            {
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Note(ReadOnlySpan<byte> octets)
    {
        Octets += octets.Length;
        if (octets.Length > 1)
        {
            (_beforeLast, _last) = (octets[^2], octets[^1]);
        }
        else if (octets.Length == 1)
        {
            (_beforeLast, _last) = (_last, octets[0]);
        }
    }

    public override long Position
    {
        get => Octets;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer) => throw new NotSupportedException("Read asynchronously.");
}
