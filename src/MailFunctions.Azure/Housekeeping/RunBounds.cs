namespace MailFunctions.Azure.Housekeeping;

/// <summary>How much one run of a task does: the rest is the next one's.</summary>
internal sealed class RunBounds(TimeProvider time)
{
    public const int MaxThings = 10_000;
    public static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(40);

    private readonly long _started = time.GetTimestamp();

    /// <summary>Things done so far.</summary>
    public int Done { get; private set; }

    public bool AreReached => Done >= MaxThings || time.GetElapsedTime(_started) > MaxTime;

    public void Did(int things) => Done += things;
}
