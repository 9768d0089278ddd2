namespace MailFunctions.Edge.Configuration;

/// <summary>Section `Rates`: messages and recipients per hour, as token buckets; 0: no limit.</summary>
internal sealed class RateOptions
{
    public const string Section = "Rates";

    /// <summary>From one client address on the MX port.</summary>
    public int MessagesPerClient { get; set; } = 10_000;

    /// <summary>Of one authenticated account.</summary>
    public int MessagesPerAccount { get; set; } = 1_000;

    /// <summary>Recipients named by one client address on the MX port.</summary>
    public int RecipientsPerClient { get; set; } = 50_000;

    /// <summary>Recipients named by one authenticated account.</summary>
    public int RecipientsPerAccount { get; set; } = 5_000;

    /// <summary>Reports that come back for one sender whose mail was forwarded.</summary>
    public int ReportsPerSender { get; set; } = 20;

    public IEnumerable<string> Faults()
    {
        if (MessagesPerClient < 0 || MessagesPerAccount < 0 || RecipientsPerClient < 0 || RecipientsPerAccount < 0 || ReportsPerSender < 0)
        {
            yield return "Rates: a rate is 0 (no limit) or the number allowed in an hour.";
        }
    }
}
