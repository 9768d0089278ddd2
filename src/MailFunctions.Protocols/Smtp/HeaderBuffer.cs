using System.Buffers;
using System.Numerics;
using MailFunctions.Core.Messages;

namespace MailFunctions.Protocols.Smtp;

/// <summary>
/// A header section that comes in several pieces, until it is whole. It counts in the memory of messages like the rest:
/// the room is taken before the octets are held.
/// </summary>
internal sealed class HeaderBuffer(MessageRoom room)
{
    private byte[]? _buffer;
    private int _cost;

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Octets => _buffer.AsMemory(0, Length);

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> octets, CancellationToken cancellationToken)
    {
        var needed = Length + octets.Length;
        if (_buffer is null || _buffer.Length < needed)
        {
            var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(needed, SmtpLimits.CommandLineOctets));
            await room.TakeAsync(size, cancellationToken);
            var larger = ArrayPool<byte>.Shared.Rent(size);
            var held = Length;
            Octets.CopyTo(larger);
            Release();
            (_buffer, _cost, Length) = (larger, size, held);
        }

        octets.CopyTo(_buffer.AsMemory(Length));
        Length = needed;
    }

    public void Release()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
            Length = 0;
            room.Release(_cost);
        }
    }
}
