namespace MailFunctions.Core.Housekeeping;

/// <summary>
/// One duty of the timer function `Housekeeping`: purge what is past its retention, send alarms that were lost.
/// Each run is bounded, may be cut off anywhere, and may run twice at once: it does what is due and no more.
/// </summary>
public interface IHousekeepingTask
{
    /// <summary>For the log: `deleted mail`, `orphan blobs`.</summary>
    string Name { get; }

    /// <summary>Does what is due, up to the bounds of one run; returns how many things it did.</summary>
    Task<int> RunAsync(CancellationToken cancellationToken);
}
