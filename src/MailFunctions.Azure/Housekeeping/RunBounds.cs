namespace MailFunctions.Azure.Housekeeping;

/// <summary>How much one run of a duty does: the rest is the next one's.</summary>
internal sealed record RunLimits(int Things, TimeSpan Time)
{
    public static readonly RunLimits Default = new(10_000, TimeSpan.FromSeconds(40));
}

/// <summary>One run, measured against its limits.</summary>
internal sealed class RunBounds(RunLimits limits, TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();

    /// <summary>Things done so far.</summary>
    public int Done { get; private set; }

    /// <summary>Things that may be done yet.</summary>
    public int Left => limits.Things - Done;

    public bool AreReached => Left <= 0 || time.GetElapsedTime(_started) > limits.Time;

    public void Did(int things) => Done += things;
}
