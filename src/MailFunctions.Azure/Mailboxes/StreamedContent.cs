using System.Buffers;
using MailFunctions.Core.Mailboxes;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>Prologue, blob, and a final line break where the blob has none; straight from storage.</summary>
internal sealed class StreamedContent(long size, ReadOnlyMemory<byte> prologue, Stream blob, bool addLineBreak) : IMaildropContent
{
    private const int BufferOctets = 64 * 1024;

    private static readonly ReadOnlyMemory<byte> LineBreak = "\r\n"u8.ToArray();

    private byte[]? _buffer;
    private ReadOnlyMemory<byte> _prologue = prologue;
    private bool _addLineBreak = addLineBreak;

    public long Size => size;

    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        if (!_prologue.IsEmpty)
        {
            var first = _prologue;
            _prologue = default;
            return first;
        }

        _buffer ??= ArrayPool<byte>.Shared.Rent(BufferOctets);
        var count = await blob.ReadAsync(_buffer.AsMemory(0, BufferOctets), cancellationToken);
        if (count > 0)
        {
            return _buffer.AsMemory(0, count);
        }

        if (_addLineBreak)
        {
            _addLineBreak = false;
            return LineBreak;
        }

        return default;
    }

    public async ValueTask DisposeAsync()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }

        await blob.DisposeAsync();
    }
}
