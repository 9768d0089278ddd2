namespace MailFunctions.Core.Messages;

/// <summary>Octets that were read already, and behind them the rest of the stream; forward only.</summary>
public sealed class JoinedStream(ReadOnlyMemory<byte> first, Stream rest) : ForwardStream
{
    private ReadOnlyMemory<byte> _first = first;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _first.IsEmpty ? await rest.ReadAsync(buffer, cancellationToken) : Take(buffer.Span);

    public override int Read(Span<byte> buffer) => _first.IsEmpty ? rest.Read(buffer) : Take(buffer);

    private int Take(Span<byte> buffer)
    {
        var taken = Math.Min(_first.Length, buffer.Length);
        _first.Span[..taken].CopyTo(buffer);
        _first = _first[taken..];
        return taken;
    }
}
