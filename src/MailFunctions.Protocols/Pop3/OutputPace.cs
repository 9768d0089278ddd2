namespace MailFunctions.Protocols.Pop3;

/// <summary>
/// Bounds what a session has the server send: so much at once, beyond it no more than a rate. A command of a few octets asks
/// for megabytes, and a client that repeats it would keep storage and network busy for all others.
/// </summary>
internal sealed class OutputPace(TimeProvider time, long freeOctets)
{
    /// <summary>Octets a second.</summary>
    public const int Rate = 128 * 1024;

    private readonly long _began = time.GetTimestamp();
    private long _sent;

    /// <summary>Counts octets, and waits until they are within the pace.</summary>
    public ValueTask TakeAsync(long octets, CancellationToken abort)
    {
        _sent += octets;
        var due = TimeSpan.FromSeconds((double)(_sent - freeOctets) / Rate) - time.GetElapsedTime(_began);
        return due > TimeSpan.Zero ? new ValueTask(Task.Delay(due, time, abort)) : ValueTask.CompletedTask;
    }
}
