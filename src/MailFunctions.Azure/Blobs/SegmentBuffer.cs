using System.Buffers;

namespace MailFunctions.Azure.Blobs;

/// <summary>Octets in pooled segments, each paid for from a <see cref="ByteBudget"/>; the holder disposes of it.</summary>
internal sealed class SegmentBuffer(ByteBudget budget) : IDisposable
{
    public const int SegmentOctets = 32 * 1024;

    private readonly List<byte[]> _segments = [];
    private int _usedInLast = SegmentOctets;
    private int _reserved; // segments paid for and not yet there

    public long Length => _segments.Count == 0 ? 0 : ((long)(_segments.Count - 1) * SegmentOctets) + _usedInLast;

    /// <summary>Copies as much as fits into the segments at hand; returns how much that was.</summary>
    public int Append(ReadOnlySpan<byte> octets)
    {
        var count = Math.Min(octets.Length, SegmentOctets - _usedInLast);
        if (count > 0)
        {
            octets[..count].CopyTo(_segments[^1].AsSpan(_usedInLast));
            _usedInLast += count;
        }

        return count;
    }

    /// <summary>What segments for so many octets take of a budget.</summary>
    public static long CostOf(long octets) => (octets + SegmentOctets - 1) / SegmentOctets * SegmentOctets;

    /// <summary>Takes over what was taken from the budget already, by <see cref="CostOf"/>.</summary>
    public void Reserve(long cost) => _reserved += (int)(cost / SegmentOctets);

    /// <summary>Adds an empty segment when one is reserved, or the budget has room for it.</summary>
    public bool TryGrow()
    {
        if (_reserved > 0)
        {
            _reserved--;
        }
        else if (!budget.TryTake(SegmentOctets))
        {
            return false;
        }

        AddSegment();
        return true;
    }

    /// <summary>Adds an empty segment, waiting for room in the budget.</summary>
    public async ValueTask GrowAsync(CancellationToken cancellationToken)
    {
        await budget.TakeAsync(SegmentOctets, cancellationToken).ConfigureAwait(false);
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

        var index = (int)(offset / SegmentOctets);
        var start = (int)(offset % SegmentOctets);
        var end = index == _segments.Count - 1 ? _usedInLast : SegmentOctets;
        return _segments[index].AsMemory(start, end - start);
    }

    public void Dispose()
    {
        foreach (var segment in _segments)
        {
            ArrayPool<byte>.Shared.Return(segment);
            budget.Release(SegmentOctets);
        }

        budget.Release((long)_reserved * SegmentOctets);
        _reserved = 0;
        _segments.Clear();
        _usedInLast = SegmentOctets;
    }

    private void AddSegment()
    {
        _segments.Add(ArrayPool<byte>.Shared.Rent(SegmentOctets));
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

            var start = (int)(_position % SegmentOctets);
            var count = (int)Math.Min(Math.Min(buffer.Length, SegmentOctets - start), left);
            segments[(int)(_position / SegmentOctets)].AsSpan(start, count).CopyTo(buffer);
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
