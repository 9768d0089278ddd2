namespace MailFunctions.Protocols.Smtp;

/// <summary>The limits of mail transactions, each with its source.</summary>
public sealed record SmtpLimits
{
    public static SmtpLimits Default { get; } = new();

    /// <summary>With CRLF. RFC 5321 §4.5.3.1.4 says 512 and that extensions may raise it; DSN and AUTH do.</summary>
    public const int CommandLineOctets = 2048;

    /// <summary>RFC 5321 §6.3: more `Received:` fields than this are a loop.</summary>
    public const int MaxReceivedFields = 100;

    /// <summary>Header section that is looked at; on submission larger ones are refused. It is held in memory until it has come.</summary>
    public const int HeaderSectionOctets = 64 * 1024;

    /// <summary>Octets of addresses and DSN parameters of one envelope: a bus message holds 256 KB (design §1).</summary>
    public const int EnvelopeOctets = 96 * 1024;

    /// <summary>RFC 1870.</summary>
    public long MessageOctets { get; init; } = 50 * 1024 * 1024;

    /// <summary>What is read and discarded of a message that is refused, before the session ends.</summary>
    public long DiscardOctets => 4 * MessageOctets;

    /// <summary>RFC 5321 §4.5.3.1.8: 100 at least.</summary>
    public int Recipients { get; init; } = 1000;

    /// <summary>RFC 5321 §4.5.3.2.5.</summary>
    public TimeSpan DataTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Octets a second that a message has to come in with, minute by minute; 0: no bound.</summary>
    public int MinDataRate { get; init; } = 100;

    /// <summary>RFC 4865: longest hold, in seconds.</summary>
    public int MaxHoldSeconds { get; init; } = 30 * 24 * 3600;
}
