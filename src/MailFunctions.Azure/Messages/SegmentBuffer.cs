using System.Buffers;
using System.Numerics;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Messages;

/// <summary>
/// Octets in pooled segments, each paid for from a budget; the holder disposes of it. The first ones are small, so that a
/// message costs about what has come of it.
/// </summary>
internal sealed class SegmentBuffer(IOctetBudget budget) : IDisposable
{
    /// <summary>Of all segments but the first.</summary>
    public const int SegmentOctets = 16 * 1024;

    /// <summary>Of the first segment; the others double what there is, up to <see cref="SegmentOctets"/>.</summary>
    public const int FirstOctets = 2 * 1024;

    /// <summary>Segments until one is whole: 2, 2, 4, 8 and 16 KiB, which are two whole ones.</summary>
    private const int SmallSegments = 5;

    private readonly List<byte[]> _segments = [];
    private int _usedInLast;
    private long _reserved; // octets paid for whose segments are not yet there

    public long Length => _segments.Count == 0 ? 0 : StartOf(_segments.Count - 1) + _usedInLast;

    private int LeftInLast => _segments.Count == 0 ? 0 : SizeOf(_segments.Count - 1) - _usedInLast;

    /// <summary>Copies as much as fits into the segments at hand; returns how much that was.</summary>
    public int Append(ReadOnlySpan<byte> octets)
    {
        var count = Math.Min(octets.Length, LeftInLast);
        if (count > 0)
        {
            octets[..count].CopyTo(_segments[^1].AsSpan(_usedInLast));
            _usedInLast += count;
        }

        return count;
    }

    /// <summary>What segments for so many octets take of a budget.</summary>
    public static long CostOf(long octets) => octets == 0 ? 0 : StartOf(IndexOf(octets - 1) + 1);

    /// <summary>Takes over what was taken from the budget already, by <see cref="CostOf"/>.</summary>
    public void Reserve(long cost) => _reserved += cost;

    /// <summary>Adds an empty segment when one is reserved, or the budget has room for it.</summary>
    public bool TryGrow()
    {
        var octets = SizeOf(_segments.Count);
        if (_reserved >= octets)
        {
            _reserved -= octets;
        }
        else if (!budget.TryTake(octets))
        {
            return false;
        }

        AddSegment();
        return true;
    }

    /// <summary>Adds an empty segment, waiting for room in the budget.</summary>
    public async ValueTask GrowAsync(CancellationToken cancellationToken)
    {
        await budget.TakeAsync(SizeOf(_segments.Count), cancellationToken);
        AddSegment();
    }

    /// <summary>The octets as a stream that can be read again after a seek (the SDK's retries do that).</summary>
    public Stream AsStream() => new SegmentStream(_segments, Length);

    /// <summary>A piece of the content, at most one segment long, empty at the end.</summary>
    public ReadOnlyMemory<byte> PieceAt(long offset)
    {
        if (offset >= Length)
        {
            return default;
        }

        var index = IndexOf(offset);
        var start = (int)(offset - StartOf(index));
        var end = index == _segments.Count - 1 ? _usedInLast : SizeOf(index);
        return _segments[index].AsMemory(start, end - start);
    }

    public void Dispose()
    {
        for (var i = 0; i < _segments.Count; i++)
        {
            ArrayPool<byte>.Shared.Return(_segments[i]);
            budget.Release(SizeOf(i));
        }

        budget.Release(_reserved);
        _reserved = 0;
        _segments.Clear();
        _usedInLast = 0;
    }

    private static int SizeOf(int segment) =>
        segment == 0 ? FirstOctets : segment < SmallSegments ? FirstOctets << (segment - 1) : SegmentOctets;

    private static long StartOf(int segment) => segment == 0 ? 0
        : segment <= SmallSegments ? (long)FirstOctets << (segment - 1)
        : (long)(segment - SmallSegments + 2) * SegmentOctets;

    /// <summary>The segment that holds an octet.</summary>
    private static int IndexOf(long offset) => offset < FirstOctets ? 0
        : offset < 2 * SegmentOctets ? BitOperations.Log2((uint)offset / FirstOctets) + 1
        : (int)(offset / SegmentOctets) - 2 + SmallSegments;

    private void AddSegment()
    {
        _segments.Add(ArrayPool<byte>.Shared.Rent(SizeOf(_segments.Count)));
        _usedInLast = 0;
    }

    private sealed class SegmentStream(List<byte[]> segments, long length) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get => _position; set => _position = value; }

        public override int Read(Span<byte> buffer)
        {
            var left = length - _position;
            if (left <= 0)
            {
                return 0;
            }

            var index = IndexOf(_position);
            var start = (int)(_position - StartOf(index));
            var count = (int)Math.Min(Math.Min(buffer.Length, SizeOf(index) - start), left);
            segments[index].AsSpan(start, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Read(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            Task.FromResult(Read(buffer.AsSpan(offset, count)));

        public override long Seek(long offset, SeekOrigin origin) => _position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
