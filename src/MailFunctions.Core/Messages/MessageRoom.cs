namespace MailFunctions.Core.Messages;

/// <summary>Octets of memory that are taken before they are used, and given back.</summary>
public interface IOctetBudget
{
    /// <summary>Octets not taken now.</summary>
    long Free { get; }

    /// <summary>Takes octets if they are free.</summary>
    bool TryTake(long amount);

    /// <summary>Waits until the octets are free, and takes them.</summary>
    /// <exception cref="TimeoutException">They were not free within the longest wait.</exception>
    ValueTask TakeAsync(long amount, CancellationToken cancellationToken);

    void Release(long amount);
}

/// <summary>
/// What one message under way holds of the memory of messages, its header section included. It belongs to one session,
/// which says when it waits for its client: whose client is slow has to leave when others wait for room.
/// </summary>
public sealed class MessageRoom : IOctetBudget, IDisposable
{
    /// <summary>What a client brought so long ago counts half.</summary>
    private static readonly TimeSpan HalfLife = TimeSpan.FromSeconds(5);

    /// <summary>
    /// What a message has to its credit when it begins, in octets: most are small, and have no time to show how fast they
    /// come.
    /// </summary>
    private const double Credit = 64 * 1024;

    /// <summary>More than this is not counted, so that much sent at once buys some seconds of silence and no more.</summary>
    private const double Most = 128 * 1024;

    private readonly MessageMemory _memory;
    private readonly TimeProvider _time;
    private double _recent = Credit;
    private long _at;
    private long _held;
    private volatile bool _waits;
    private volatile bool _evicted;

    internal MessageRoom(MessageMemory memory, TimeProvider time, MessageMemory.Share client, MessageMemory.Share network)
    {
        (_memory, _time, Client, Network) = (memory, time, client, network);
        _at = time.GetTimestamp();
    }

    /// <summary>Called when the message has to leave: its session ends. From any thread.</summary>
    public Action? Evicted { get; set; }

    public long Free => _memory.Free;

    internal MessageMemory.Share Client { get; }

    internal MessageMemory.Share Network { get; }

    /// <summary>Octets taken.</summary>
    internal long Held => Interlocked.Read(ref _held);

    /// <summary>It holds something, and its client keeps it waiting.</summary>
    internal bool CanLeave => _waits && !_evicted && Held > 0;

    /// <summary>Octets of late, those of <see cref="HalfLife"/> ago counted half; silence that is the server's does not count.</summary>
    internal double Pace => _waits ? Decayed() : _recent;

    /// <summary>The session begins to wait for its client.</summary>
    public void BeginWait()
    {
        Volatile.Write(ref _at, _time.GetTimestamp());
        _waits = true;
    }

    /// <summary>The client brought so many octets.</summary>
    public void EndWait(long octets)
    {
        if (_waits)
        {
            _recent = Decayed();
            _waits = false;
        }

        _recent = Math.Min(_recent + octets, Most);
    }

    public bool TryTake(long amount)
    {
        if (!_memory.TryTake(this, amount))
        {
            return false;
        }

        Interlocked.Add(ref _held, amount);
        return true;
    }

    /// <inheritdoc/>
    /// <exception cref="NoRoomException">They were not free within the longest wait.</exception>
    public async ValueTask TakeAsync(long amount, CancellationToken cancellationToken)
    {
        try
        {
            await _memory.TakeAsync(this, amount, cancellationToken);
        }
        catch (TimeoutException e)
        {
            throw new NoRoomException("Other messages take all the room there is.", e);
        }

        Interlocked.Add(ref _held, amount);
    }

    public void Release(long amount)
    {
        Interlocked.Add(ref _held, -amount);
        _memory.Release(this, amount);
    }

    public void Dispose() => _memory.Close(this);

    internal void Evict()
    {
        _evicted = true;
        Evicted?.Invoke();
    }

    private double Decayed() => _recent * Math.Pow(0.5, _time.GetElapsedTime(Volatile.Read(ref _at)) / HalfLife);
}
