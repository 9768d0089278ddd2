namespace MailFunctions.Functions.Inbound;

/// <summary>What one pass over a message gives, decoded and cut to what a table row may hold.</summary>
internal sealed record MessageSummary
{
    /// <summary>Octets read.</summary>
    public long Octets { get; init; }

    /// <summary>The last two octets are not CRLF.</summary>
    public bool LacksFinalLineBreak { get; init; }
    public string? Subject { get; init; }
    public string? From { get; init; }
    public string? To { get; init; }
    public DateTimeOffset? Date { get; init; }

    /// <summary>Without angle brackets.</summary>
    public string? MessageId { get; init; }
    public IReadOnlyList<string> Attachments { get; init; } = [];

    /// <summary>`Received` fields.</summary>
    public int Hops { get; init; }

    /// <summary>The values of `Delivered-To` fields, the topmost first.</summary>
    public IReadOnlyList<string> DeliveredTo { get; init; } = [];

    /// <summary>Why the header section or the structure could not be read; the message is delivered all the same.</summary>
    public string? Fault { get; init; }
}
