namespace MailFunctions.Functions.Outbound;

/// <summary>Octets that were read already, and behind them the rest of the stream; forward only.</summary>
internal sealed class JoinedStream(ReadOnlyMemory<byte> first, Stream rest) : Stream
{
    private ReadOnlyMemory<byte> _first = first;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_first.IsEmpty)
        {
            return await rest.ReadAsync(buffer, cancellationToken);
        }

        var taken = Math.Min(_first.Length, buffer.Length);
        _first[..taken].CopyTo(buffer);
        _first = _first[taken..];
        return taken;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count)
    {
        if (_first.IsEmpty)
        {
            return rest.Read(buffer, offset, count);
        }

        var taken = Math.Min(_first.Length, count);
        _first[..taken].Span.CopyTo(buffer.AsSpan(offset));
        _first = _first[taken..];
        return taken;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
