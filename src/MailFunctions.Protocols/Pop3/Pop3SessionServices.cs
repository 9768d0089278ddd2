using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;

namespace MailFunctions.Protocols.Pop3;

/// <summary>The ports of a POP3 session; the same for all of them.</summary>
public sealed record Pop3SessionServices : SessionServices
{
    public required IMaildrops Maildrops { get; init; }

    public required IPop3Events Events { get; init; }

    /// <summary>Null: a client may log in as often as it likes.</summary>
    public ILoginPace? Pace { get; init; }
}
