namespace MailFunctions.Functions.Outbound;

/// <summary>The outcome of one alarm.</summary>
internal enum AttemptOutcome
{
    /// <summary>The row is gone or done, on hold, or has another generation.</summary>
    Stale,

    /// <summary>Another invocation holds the lease; the alarm is set to its end.</summary>
    Leased,

    /// <summary>Another invocation changed the row first.</summary>
    Conflict,

    /// <summary>Every recipient was reached or has failed for good.</summary>
    Done,

    /// <summary>Some recipients are left; the next alarm is set.</summary>
    Deferred,

    /// <summary>The destination's limits are reached; the alarm is set for a little later.</summary>
    Waiting,
}
