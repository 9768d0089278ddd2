namespace MailFunctions.TestKit;

/// <summary>Time that is what the test says; timers run by the real clock. <see cref="ManualTime"/> moves timers too.</summary>
public sealed class SetTime : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => Now;
}
