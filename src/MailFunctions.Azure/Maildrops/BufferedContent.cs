using MailFunctions.Azure.Messages;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Maildrops;

/// <summary>A message that was read ahead into pooled memory.</summary>
internal sealed class BufferedContent(long size, SegmentBuffer octets) : IMaildropContent, IDisposable
{
    private long _offset;

    public long Size => size;

    public ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        var piece = octets.PieceAt(_offset);
        _offset += piece.Length;
        return ValueTask.FromResult(piece);
    }

    public void Dispose() => octets.Dispose();

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
