namespace MailFunctions.Core.Relay;

/// <summary>When a job is tried again, and when that ends (RFC 5321 §4.5.4.1).</summary>
public sealed record RetrySchedule
{
    /// <summary>Waits after the first, second, … attempt; the last one repeats.</summary>
    public IReadOnlyList<TimeSpan> Waits { get; init; } =
    [
        TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(30),
        TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(4),
    ];

    /// <summary>Since the message was accepted; the last attempt is made then.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromDays(5);

    /// <summary>Since the message was accepted: the sender gets a warning when NOTIFY asks for it (RFC 3461 §4.1).</summary>
    public TimeSpan WarnAfter { get; init; } = TimeSpan.FromHours(4);

    /// <summary>Part of a wait by which it may be longer: spreads jobs that failed together.</summary>
    public double Jitter { get; init; } = 0.2;

    /// <summary>The next attempt after so many, or null when it was the last.</summary>
    /// <param name="random">From 0 up to 1.</param>
    public DateTimeOffset? Next(int attempts, DateTimeOffset receivedAt, DateTimeOffset now, double random)
    {
        var end = receivedAt + GiveUpAfter;
        if (now >= end)
        {
            return null;
        }

        var wait = Waits[Math.Clamp(attempts - 1, 0, Waits.Count - 1)];
        var next = now + (wait * (1 + (Jitter * random)));
        return next < end ? next : end;
    }
}
