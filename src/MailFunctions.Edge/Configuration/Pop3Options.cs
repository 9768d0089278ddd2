namespace MailFunctions.Edge.Configuration;

/// <summary>Section `Pop3`.</summary>
internal sealed class Pop3Options
{
    public const string Section = "Pop3";

    /// <summary>Wait for the next command; RFC 1939 §3 asks for 10 minutes at least.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Wrong commands before the session ends.</summary>
    public int MaxBadCommands { get; set; } = 20;

    /// <summary>From the greeting until a session has to log in again; 10 minutes at least.</summary>
    public TimeSpan MaxSessionTime { get; set; } = TimeSpan.FromHours(4);

    /// <summary>Time that an account has to let pass between logins, in whole seconds (RFC 2449 §6.5); zero: none.</summary>
    public TimeSpan LoginDelay { get; set; }

    public IEnumerable<string> Faults()
    {
        if (IdleTimeout < TimeSpan.FromMinutes(10))
        {
            yield return $"Pop3__IdleTimeout: {IdleTimeout} is too short; RFC 1939 asks for 00:10:00 or more.";
        }

        if (MaxSessionTime < TimeSpan.FromMinutes(10))
        {
            yield return $"Pop3__MaxSessionTime: {MaxSessionTime} is too short; use 00:10:00 or more.";
        }

        if (LoginDelay < TimeSpan.Zero || LoginDelay > TimeSpan.FromHours(1) || LoginDelay.Ticks % TimeSpan.TicksPerSecond != 0)
        {
            yield return $"Pop3__LoginDelay: {LoginDelay} is out of range; use 00:00:00 to 01:00:00, in whole seconds.";
        }

        if (MaxBadCommands < 1)
        {
            yield return $"Pop3__MaxBadCommands: {MaxBadCommands} must be 1 or more.";
        }
    }
}
