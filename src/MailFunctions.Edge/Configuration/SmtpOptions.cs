namespace MailFunctions.Edge.Configuration;

/// <summary>Section `Smtp`.</summary>
internal sealed class SmtpOptions
{
    public const string Section = "Smtp";

    /// <summary>Largest message, in octets (RFC 1870).</summary>
    public long MaxMessageOctets { get; set; } = 50 * 1024 * 1024;

    /// <summary>Recipients of one message (RFC 5321 §4.5.3.1.8 asks for 100 at least).</summary>
    public int MaxRecipients { get; set; } = 1000;

    /// <summary>Wrong commands before the session ends.</summary>
    public int MaxBadCommands { get; set; } = 20;

    /// <summary>From the greeting until a session is asked to come again.</summary>
    public TimeSpan MaxSessionTime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Wait for the next command (RFC 5321 §4.5.3.2.7).</summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Wait for the next piece of a message (RFC 5321 §4.5.3.2.5).</summary>
    public TimeSpan DataTimeout { get; set; } = TimeSpan.FromMinutes(3);

    /// <summary>A message that comes in slower than this, in octets a second, ends the session.</summary>
    public int MinDataRate { get; set; } = 100;

    /// <summary>Takes mail for other domains from clients that logged in; off where nothing relays it.</summary>
    public bool RelayAllowed { get; set; } = true;

    /// <summary>The function app's `Relay__SrsKey`, by which reports about forwarded mail find their way; null: none are taken.</summary>
    public string? SrsKey { get; set; }

    public IEnumerable<string> Faults()
    {
        if (SrsKey is { Length: < 16 })
        {
            yield return "Smtp__SrsKey: use 16 characters or more.";
        }

        if (MaxMessageOctets is < 65_536 or > 1L << 31)
        {
            yield return $"Smtp__MaxMessageOctets: {MaxMessageOctets} is out of range; use 65536 to 2147483648.";
        }

        if (MaxRecipients is < 100 or > 1000)
        {
            yield return $"Smtp__MaxRecipients: {MaxRecipients} is out of range; use 100 to 1000 "
                + "(the envelope has to fit into one bus message).";
        }

        if (MaxBadCommands < 1)
        {
            yield return $"Smtp__MaxBadCommands: {MaxBadCommands} must be 1 or more.";
        }

        if (CommandTimeout <= TimeSpan.Zero || DataTimeout <= TimeSpan.Zero || MaxSessionTime <= TimeSpan.Zero)
        {
            yield return "Smtp__CommandTimeout, Smtp__DataTimeout and Smtp__MaxSessionTime must be more than zero.";
        }

        if (MinDataRate < 0)
        {
            yield return $"Smtp__MinDataRate: {MinDataRate} must be 0 (no limit) or more.";
        }
    }
}
