namespace MailFunctions.Core.Messages;

/// <summary>
/// Octets of messages that may be in memory at once, over the whole process. Waiters are served in order, and wait for
/// <paramref name="longestWait"/> at most (null: without end).
/// </summary>
public sealed class ByteBudget(long octets, TimeSpan? longestWait = null) : IOctetBudget
{
    private readonly long _all = octets;
    private readonly TimeSpan _longestWait = longestWait ?? Timeout.InfiniteTimeSpan;
    private readonly Lock _lock = new();
    private readonly Queue<(long Octets, TaskCompletionSource Granted)> _waiters = new();
    private long _free = octets;

    /// <summary>Octets not taken now.</summary>
    public long Free
    {
        get
        {
            lock (_lock)
            {
                return _free;
            }
        }
    }

    /// <summary>Takes octets if they are free and no caller waits for them.</summary>
    public bool TryTake(long amount)
    {
        lock (_lock)
        {
            if (_waiters.Count > 0 || _free < amount)
            {
                return false;
            }

            _free -= amount;
            return true;
        }
    }

    /// <summary>Waits until the octets are free, and takes them.</summary>
    /// <exception cref="TimeoutException">They were not free within the longest wait.</exception>
    public async ValueTask TakeAsync(long amount, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(amount, _all);
        TaskCompletionSource granted;
        lock (_lock)
        {
            if (_waiters.Count == 0 && _free >= amount)
            {
                _free -= amount;
                return;
            }

            granted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Enqueue((amount, granted));
        }

        try
        {
            await granted.Task.WaitAsync(_longestWait, cancellationToken);
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException)
        {
            if (granted.TrySetCanceled(cancellationToken)) // or it was granted in this very moment
            {
                Release(0); // the one behind may be served now
                throw;
            }
        }
    }

    /// <summary>Gives octets back.</summary>
    public void Release(long amount)
    {
        lock (_lock)
        {
            _free += amount;
            while (_waiters.TryPeek(out var next) && (next.Granted.Task.IsCompleted || _free >= next.Octets))
            {
                _waiters.Dequeue();
                if (next.Granted.TrySetResult())
                {
                    _free -= next.Octets;
                }
            }
        }
    }
}
