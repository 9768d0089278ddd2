namespace MailFunctions.Protocols.Transport;

/// <summary>
/// The time limit of the waits of one session. Waits begin and end far more often than a limit is reached, so the timer
/// is not touched when a wait ends, and compares the deadline when it fires.
/// </summary>
internal sealed class WaitLimit(TimeProvider time, SessionInput owner, Action<SessionInput> over) : IDisposable
{
    private const long None = long.MaxValue;

    private ITimer? _timer;
    private long _deadline = None; // in the provider's timestamps
    private long _firesAt = None;

    /// <summary>The wait under way has taken too long.</summary>
    public bool IsOver { get; private set; }

    public void Begin(TimeSpan limit)
    {
        lock (this)
        {
            IsOver = false;
            _deadline = time.GetTimestamp() + (long)(limit.TotalSeconds * time.TimestampFrequency);
            if (_deadline < _firesAt)
            {
                FireAfter(limit);
            }
        }
    }

    public void End()
    {
        lock (this)
        {
            _deadline = None;
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void FireAfter(TimeSpan limit)
    {
        _firesAt = _deadline;
        if (_timer is null)
        {
            _timer = time.CreateTimer(static state => ((WaitLimit)state!).Fire(), this, limit, Timeout.InfiniteTimeSpan);
        }
        else
        {
            _timer.Change(limit, Timeout.InfiniteTimeSpan);
        }
    }

    private void Fire()
    {
        lock (this)
        {
            _firesAt = None;
            if (_deadline == None)
            {
                return;
            }

            var left = time.GetElapsedTime(time.GetTimestamp(), _deadline);
            if (left > TimeSpan.Zero)
            {
                FireAfter(left);
                return;
            }

            IsOver = true;
        }

        over(owner);
    }
}
