namespace MailFunctions.Core.Envelopes;

/// <summary>The NOTIFY parameter of RCPT (RFC 3461 §4.1): `NEVER`, or any of `SUCCESS,FAILURE,DELAY`; null: none was given.</summary>
public static class NotifyParameter
{
    /// <summary>Whether it asks for a report; without it, it is as if FAILURE had been asked for (RFC 3461 §4.1).</summary>
    /// <param name="notify">The parameter's value, or null.</param>
    /// <param name="word">`SUCCESS`, `FAILURE` or `DELAY`.</param>
    public static bool Asks(string? notify, string word) =>
        notify is null ? word == "FAILURE" : notify.Split(',').Contains(word, StringComparer.OrdinalIgnoreCase);
}
