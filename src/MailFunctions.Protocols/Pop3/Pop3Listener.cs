using MailFunctions.Core.Accounts;
using MailFunctions.Protocols.Sessions;

namespace MailFunctions.Protocols.Pop3;

/// <summary>What a POP3 listener offers.</summary>
public sealed record Pop3Listener : SessionListener
{
    /// <summary>Longest command line in octets, with CRLF. RFC 2449 §4: 255 at least; the longest password needs more.</summary>
    public const int CommandLineOctets = 5 + PasswordLimits.MaxOctets + 2;

    public Pop3Listener()
    {
        CommandTimeout = TimeSpan.FromMinutes(10); // RFC 1939 §3: at least
        SessionTime = TimeSpan.FromHours(4);
    }

    /// <summary>RFC 2449 §6.5: seconds that a client has to let pass between logins; null: none.</summary>
    public int? LoginDelaySeconds { get; init; }
}
