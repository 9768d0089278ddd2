using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using MailFunctions.Protocols.Text;

namespace MailFunctions.Protocols.Transport;

/// <summary>
/// The reading side of a session: waits with a time limit and for the drain, and sends replies out before it waits, so
/// that the replies to pipelined commands leave together (RFC 2920, RFC 2449 §6.6). Holds no buffer and, while idle, one timer.
/// A client that sends commands without end and reads no reply gets no more memory than <see cref="MaxUnsentOctets"/> and
/// what the transport holds: nothing further of it is read until it reads.
/// </summary>
internal sealed partial class SessionInput : IAsyncDisposable
{
    private readonly ISessionConnection _connection;
    private readonly CancellationToken _drain;
    private readonly CancellationTokenRegistration _drainRegistration;
    private readonly WaitLimit _limit;
    private volatile bool _interrupted;

    public SessionInput(ISessionConnection connection, TimeProvider time, CancellationToken drain)
    {
        (_connection, _drain) = (connection, drain);
        _limit = new WaitLimit(time, this, static input => input.TimeOut());
        _drainRegistration = drain.UnsafeRegister(static state => ((SessionInput)state!).Wake(), this);
    }

    /// <summary>Waits for a line. It is decoded by <paramref name="decode"/> before the input moves on.</summary>
    public ValueTask<(InputStatus Status, T? Line)> ReadLineAsync<T>(
        int maxOctets, TimeSpan limit, Func<ReadOnlySequence<byte>, T> decode, CancellationToken abort)
    {
        // A pipelined command is there already: no wait, no state machine.
        return !IsFull && TryRead(out var read) && IsOfUse(read, stopForDrain: true) && TakeLine(read, maxOctets, decode, out var taken)
            ? ValueTask.FromResult(taken)
            : WaitForLineAsync(maxOctets, limit, decode, abort);
    }

    /// <summary>Shows what the client has sent behind the command at hand, or nothing; all of it stays where it is.</summary>
    public T Peek<TState, T>(TState state, Func<TState, ReadOnlySequence<byte>, T> look)
    {
        if (!TryRead(out var read))
        {
            return look(state, ReadOnlySequence<byte>.Empty);
        }

        var seen = look(state, read.Buffer);
        _connection.Input.AdvanceTo(read.Buffer.Start);
        if (read.IsCanceled)
        {
            Wake(); // it was meant for the read that waits
        }

        return seen;
    }

    /// <summary>Waits for octets; the caller advances. <c>Ended</c>: no more will come after these.</summary>
    public ValueTask<(InputStatus Status, ReadOnlySequence<byte> Buffer, bool Ended)> ReadAsync(
        TimeSpan limit, bool stopForDrain, CancellationToken abort) =>
        !IsFull && TryRead(out var read) && IsOfUse(read, stopForDrain)
            ? ValueTask.FromResult((InputStatus.Ready, read.Buffer, read.IsCompleted))
            : WaitForOctetsAsync(limit, stopForDrain, abort);

    /// <summary>Ends the wait for the client, or the next one. From any thread.</summary>
    public void Interrupt()
    {
        _interrupted = true;
        Wake();
    }

    public async ValueTask DisposeAsync()
    {
        await _drainRegistration.DisposeAsync();
        _limit.Dispose();
    }

    private async ValueTask<(InputStatus Status, T? Line)> WaitForLineAsync<T>(
        int maxOctets, TimeSpan limit, Func<ReadOnlySequence<byte>, T> decode, CancellationToken abort)
    {
        var takesTurns = IsFull;
        if (!await SendAllAsync(abort))
        {
            return (WhyNotSent, default);
        }

        if (takesTurns)
        {
            await Task.Yield(); // a client whose commands never end would keep this thread from all others
        }

        _limit.Begin(limit); // for the whole line, however slowly it drips in
        try
        {
            while (true)
            {
                if (_drain.IsCancellationRequested)
                {
                    return (InputStatus.Draining, default);
                }

                if (_interrupted)
                {
                    return (InputStatus.Interrupted, default);
                }

                var read = await _connection.Input.ReadAsync(abort);
                if (!IsOfUse(read, stopForDrain: true))
                {
                    if (_limit.IsOver || read.IsCompleted)
                    {
                        return (read.IsCompleted ? InputStatus.Closed : InputStatus.TimedOut, default);
                    }
                }
                else if (TakeLine(read, maxOctets, decode, out var taken))
                {
                    return taken;
                }
            }
        }
        catch (IOException e)
        {
            return (WhyBroken(e), default);
        }
        finally
        {
            _limit.End();
        }
    }

    private async ValueTask<(InputStatus Status, ReadOnlySequence<byte> Buffer, bool Ended)> WaitForOctetsAsync(
        TimeSpan limit, bool stopForDrain, CancellationToken abort)
    {
        if (!await SendAllAsync(abort))
        {
            return (WhyNotSent, default, true);
        }

        _limit.Begin(limit);
        try
        {
            while (true)
            {
                if (stopForDrain && _drain.IsCancellationRequested)
                {
                    return (InputStatus.Draining, default, false);
                }

                if (_interrupted)
                {
                    return (InputStatus.Interrupted, default, false);
                }

                var read = await _connection.Input.ReadAsync(abort);
                if (IsOfUse(read, stopForDrain))
                {
                    return (InputStatus.Ready, read.Buffer, read.IsCompleted);
                }

                if (_limit.IsOver || read.IsCompleted)
                {
                    return (read.IsCompleted ? InputStatus.Closed : InputStatus.TimedOut, default, read.IsCompleted);
                }
            }
        }
        catch (IOException e)
        {
            return (WhyBroken(e), default, true);
        }
        finally
        {
            _limit.End();
        }
    }

    private InputStatus WhyBroken(IOException e) =>
        _connection.Tls is not null && e.InnerException is not SocketException ? InputStatus.TlsBroken : InputStatus.Closed;

    /// <summary>Takes a line off the front; false, with the input left as it is, when it has not come whole.</summary>
    private bool TakeLine<T>(
        in ReadResult read, int maxOctets, Func<ReadOnlySequence<byte>, T> decode, out (InputStatus Status, T? Line) taken)
    {
        switch (CommandLine.TryRead(read.Buffer, maxOctets, out var line, out var next))
        {
            case LineStatus.Complete:
                taken = (InputStatus.Ready, decode(line));
                _connection.Input.AdvanceTo(next); // nothing behind the line was examined
                return true;
            case LineStatus.TooLong:
                taken = (InputStatus.LineTooLong, default);
                _connection.Input.AdvanceTo(read.Buffer.End);
                return true;
            case LineStatus.BareLineBreak:
                taken = (InputStatus.BareLineBreak, default);
                _connection.Input.AdvanceTo(read.Buffer.End);
                return true;
            default:
                taken = (InputStatus.Closed, default);
                _connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                return read.IsCompleted;
        }
    }

    /// <summary>There are octets to look at, and no reason to leave them; else the read is given back.</summary>
    private bool IsOfUse(in ReadResult read, bool stopForDrain)
    {
        var drains = stopForDrain && _drain.IsCancellationRequested;
        if (!read.Buffer.IsEmpty && !(read.IsCanceled && (_limit.IsOver || _interrupted || drains)))
        {
            return true;
        }

        _connection.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        return false;
    }

    private bool TryRead(out ReadResult read)
    {
        try
        {
            return _connection.Input.TryRead(out read);
        }
        catch (IOException)
        {
            read = default;
            return false; // the read that follows throws, too
        }
    }

    private void TimeOut()
    {
        // Without a flush to cancel, the next one would be: under TLS half a record of the last reply would go out.
        if (_flushing)
        {
            _connection.Output.CancelPendingFlush();
        }

        Wake();
    }

    private void Wake() => _connection.Input.CancelPendingRead();
}
