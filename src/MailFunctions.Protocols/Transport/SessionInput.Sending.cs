using System.IO.Pipelines;

namespace MailFunctions.Protocols.Transport;

/// <content>Sends what was written, before each wait and when it is asked to.</content>
internal sealed partial class SessionInput
{
    /// <summary>
    /// The longest that a client may take to read what the transport has no more room for. Far more than a slow line
    /// needs: the room is 16 KiB.
    /// </summary>
    public static readonly TimeSpan ReadsWithin = TimeSpan.FromMinutes(2);

    /// <summary>What is written at the end of a session, or before a TLS handshake, has so long to leave.</summary>
    public static readonly TimeSpan LastWords = TimeSpan.FromSeconds(10);

    private bool _unflushed;
    private volatile bool _flushing;

    /// <summary>Octets of replies that may wait to leave together; with more of them, commands that are there have to wait.</summary>
    public int MaxUnsentOctets { get; set; } = 8 * 1024;

    /// <summary>Puts replies that are still to come into <see cref="Output"/>; asked before each wait.</summary>
    public Func<ValueTask>? Settle { get; set; }

    /// <summary>Called when all that was written has left.</summary>
    public Action? Sent { get; set; }

    /// <summary>The writer to put replies into; they leave at the next wait or <see cref="FlushAsync"/>.</summary>
    public PipeWriter Output
    {
        get
        {
            _unflushed = true;
            return _connection.Output;
        }
    }

    /// <summary>After a flush that failed: the client did not read in time, or is gone.</summary>
    public InputStatus WhyNotSent => _limit.IsOver ? InputStatus.NotReading : InputStatus.Closed;

    /// <summary>Sends out what was written; false when the client does not read, or is gone.</summary>
    public ValueTask<bool> FlushAsync(CancellationToken abort) => FlushAsync(ReadsWithin, abort);

    /// <summary>Sends out what was written; false when the client does not take it within the limit.</summary>
    public ValueTask<bool> FlushAsync(TimeSpan limit, CancellationToken abort)
    {
        if (!_unflushed)
        {
            return ValueTask.FromResult(true);
        }

        _unflushed = false;
        var flush = _connection.Output.FlushAsync(abort);
        return flush.IsCompletedSuccessfully ? ValueTask.FromResult(HasLeft(flush.Result)) : WaitForFlushAsync(flush, limit);
    }

    private bool IsFull => _unflushed && _connection.Output.UnflushedBytes >= MaxUnsentOctets;

    private ValueTask<bool> SendAllAsync(CancellationToken abort)
    {
        var settling = Settle?.Invoke() ?? ValueTask.CompletedTask;
        return settling.IsCompletedSuccessfully ? FlushAsync(abort) : SettleAndFlushAsync(settling, abort);
    }

    private async ValueTask<bool> SettleAndFlushAsync(ValueTask settling, CancellationToken abort)
    {
        await settling;
        return await FlushAsync(abort);
    }

    private async ValueTask<bool> WaitForFlushAsync(ValueTask<FlushResult> flush, TimeSpan limit)
    {
        _flushing = true;
        _limit.Begin(limit);
        try
        {
            return HasLeft(await flush);
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            _flushing = false;
            _limit.End();
        }
    }

    private bool HasLeft(in FlushResult flush)
    {
        if (flush.IsCompleted || flush.IsCanceled)
        {
            return false;
        }

        Sent?.Invoke();
        return true;
    }
}
