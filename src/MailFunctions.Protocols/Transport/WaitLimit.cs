namespace MailFunctions.Protocols.Transport;

/// <summary>
/// The time limit of the waits of one session. Waits begin and end far more often than a limit is reached, so the timer
/// is left alone when a wait ends, and looks at the deadline when it rings.
/// </summary>
internal sealed class WaitLimit(TimeProvider time, SessionInput owner, Action<SessionInput> over) : IDisposable
{
    private const long None = long.MaxValue;

    private ITimer? _timer;
    private long _deadline = None; // in the provider's timestamps
    private long _ringsAt = None;

    /// <summary>The wait under way has taken too long.</summary>
    public bool IsOver { get; private set; }

    public void Begin(TimeSpan limit)
    {
        lock (this)
        {
            IsOver = false;
            _deadline = time.GetTimestamp() + (long)(limit.TotalSeconds * time.TimestampFrequency);
            if (_deadline < _ringsAt)
            {
                RingAfter(limit);
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

    private void RingAfter(TimeSpan limit)
    {
        _ringsAt = _deadline;
        if (_timer is null)
        {
            _timer = time.CreateTimer(static state => ((WaitLimit)state!).Ring(), this, limit, Timeout.InfiniteTimeSpan);
        }
        else
        {
            _timer.Change(limit, Timeout.InfiniteTimeSpan);
        }
    }

    private void Ring()
    {
        lock (this)
        {
            _ringsAt = None;
            if (_deadline == None)
            {
                return;
            }

            var left = time.GetElapsedTime(time.GetTimestamp(), _deadline);
            if (left > TimeSpan.Zero)
            {
                RingAfter(left);
                return;
            }

            IsOver = true;
        }

        over(owner);
    }
}
