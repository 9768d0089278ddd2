using System.Buffers;
using System.IO.Pipelines;
using MailFunctions.Protocols.Text;

namespace MailFunctions.Protocols.Transport;

/// <summary>What came of waiting for the client.</summary>
public enum InputStatus
{
    /// <summary>Octets, or a line, are there.</summary>
    Ready,

    /// <summary>The client closed its side, or the connection broke.</summary>
    Closed,

    /// <summary>The time for this wait is over.</summary>
    TimedOut,

    /// <summary>The server is to stop: no new work is begun.</summary>
    Draining,

    /// <summary>See <see cref="LineStatus.TooLong"/>.</summary>
    LineTooLong,

    /// <summary>See <see cref="LineStatus.BareLineBreak"/>.</summary>
    BareLineBreak,
}

/// <summary>
/// The reading side of a session: waits with a time limit and for the drain, and sends replies out before it waits, so
/// that the replies to pipelined commands leave together. Holds no buffer and, while idle, one timer.
/// </summary>
internal sealed class SessionInput : IAsyncDisposable
{
    private readonly ISessionConnection _connection;
    private readonly TimeProvider _time;
    private readonly CancellationToken _drain;
    private readonly CancellationTokenRegistration _drainRegistration;
    private ITimer? _timer;
    private volatile bool _timedOut;
    private bool _unflushed;
    private volatile bool _flushing;

    public SessionInput(ISessionConnection connection, TimeProvider time, CancellationToken drain)
    {
        (_connection, _time, _drain) = (connection, time, drain);
        _drainRegistration = drain.UnsafeRegister(static state => ((SessionInput)state!).Wake(), this);
    }

    /// <summary>The writer to put replies into; they leave at the next wait or <see cref="FlushAsync"/>.</summary>
    public PipeWriter Output
    {
        get
        {
            _unflushed = true;
            return _connection.Output;
        }
    }

    /// <summary>Waits for a line. It is decoded by <paramref name="decode"/> before the input moves on.</summary>
    public async ValueTask<(InputStatus Status, T? Line)> ReadLineAsync<T>(
        int maxOctets, TimeSpan limit, Func<ReadOnlySequence<byte>, T> decode, CancellationToken abort)
    {
        var started = _time.GetTimestamp();
        while (true)
        {
            var (status, buffer, ended) = await ReadAsync(Left(limit, started), stopForDrain: true, abort).ConfigureAwait(false);
            if (status != InputStatus.Ready)
            {
                return (status, default);
            }

            switch (CommandLine.TryRead(buffer, maxOctets, out var line, out var next))
            {
                case LineStatus.Complete:
                    var decoded = decode(line);
                    _connection.Input.AdvanceTo(next); // nothing behind the line was examined
                    return (InputStatus.Ready, decoded);
                case LineStatus.TooLong:
                    _connection.Input.AdvanceTo(buffer.End);
                    return (InputStatus.LineTooLong, default);
                case LineStatus.BareLineBreak:
                    _connection.Input.AdvanceTo(buffer.End);
                    return (InputStatus.BareLineBreak, default);
                default:
                    _connection.Input.AdvanceTo(buffer.Start, buffer.End);
                    if (ended)
                    {
                        return (InputStatus.Closed, default);
                    }

                    break;
            }
        }
    }

    /// <summary>Waits for octets; the caller advances. <c>Ended</c>: no more will come after these.</summary>
    public async ValueTask<(InputStatus Status, ReadOnlySequence<byte> Buffer, bool Ended)> ReadAsync(
        TimeSpan limit, bool stopForDrain, CancellationToken abort)
    {
        var input = _connection.Input;
        if (TryRead(input, out var read))
        {
            if (IsOfUse(read))
            {
                return (InputStatus.Ready, read.Buffer, read.IsCompleted);
            }

            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }

        if (!await FlushAsync(limit, abort).ConfigureAwait(false))
        {
            return (InputStatus.Closed, default, true);
        }

        _timedOut = false;
        Arm(limit);
        try
        {
            while (true)
            {
                if (stopForDrain && _drain.IsCancellationRequested)
                {
                    return (InputStatus.Draining, default, false);
                }

                read = await input.ReadAsync(abort).ConfigureAwait(false);
                if (IsOfUse(read))
                {
                    return (InputStatus.Ready, read.Buffer, read.IsCompleted);
                }

                input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                if (read.IsCompleted)
                {
                    return (InputStatus.Closed, default, true);
                }

                if (_timedOut)
                {
                    return (InputStatus.TimedOut, default, false);
                }
            }
        }
        catch (IOException)
        {
            return (InputStatus.Closed, default, true);
        }
        finally
        {
            Arm(Timeout.InfiniteTimeSpan);
        }

        bool IsOfUse(in ReadResult result)
        {
            if (!result.IsCanceled && result.Buffer.Length > 0)
            {
                return true;
            }

            if (result.IsCanceled && !result.Buffer.IsEmpty && !_timedOut && !(stopForDrain && _drain.IsCancellationRequested))
            {
                return true;
            }

            return false;
        }
    }

    /// <summary>Sends out what was written; false when the client does not take it within the limit.</summary>
    public async ValueTask<bool> FlushAsync(TimeSpan limit, CancellationToken abort)
    {
        if (!_unflushed)
        {
            return true;
        }

        _unflushed = false;
        var pending = _connection.Output.FlushAsync(abort);
        if (pending.IsCompletedSuccessfully)
        {
            var done = pending.Result;
            return !done.IsCompleted;
        }

        _timedOut = false;
        _flushing = true;
        Arm(limit);
        try
        {
            var result = await pending.ConfigureAwait(false);
            return result is { IsCompleted: false, IsCanceled: false };
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            _flushing = false;
            Arm(Timeout.InfiniteTimeSpan);
        }
    }

    private static bool TryRead(PipeReader input, out ReadResult read)
    {
        try
        {
            return input.TryRead(out read);
        }
        catch (IOException)
        {
            read = new ReadResult(ReadOnlySequence<byte>.Empty, isCanceled: false, isCompleted: true);
            return false; // the read that follows tells it
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _drainRegistration.DisposeAsync().ConfigureAwait(false);
        if (_timer is not null)
        {
            await _timer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Arm(TimeSpan limit)
    {
        if (_timer is not null)
        {
            _timer.Change(limit, Timeout.InfiniteTimeSpan);
        }
        else if (limit != Timeout.InfiniteTimeSpan)
        {
            _timer = _time.CreateTimer(static state => ((SessionInput)state!).TimeOut(), this, limit, Timeout.InfiniteTimeSpan);
        }
    }

    private void TimeOut()
    {
        _timedOut = true;
        // Without a flush to cancel, the next one would be: under TLS half a record of the last reply would go out.
        if (_flushing)
        {
            _connection.Output.CancelPendingFlush();
        }

        Wake();
    }

    private void Wake() => _connection.Input.CancelPendingRead();

    private TimeSpan Left(TimeSpan limit, long started)
    {
        var left = limit - _time.GetElapsedTime(started);
        return left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1);
    }
}
