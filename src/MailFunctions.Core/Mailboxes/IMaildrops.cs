using MailFunctions.Core.Accounts;

namespace MailFunctions.Core.Mailboxes;

/// <summary>Opens maildrops for POP3 sessions (RFC 1939 §4: exclusive lock).</summary>
public interface IMaildrops
{
    ValueTask<MaildropOpening> OpenAsync(AuthenticatedAccount account, CancellationToken cancellationToken);
}

/// <summary>The answer to a request for the lock.</summary>
public abstract record MaildropOpening
{
    /// <summary>The session owns the maildrop until it disposes of it.</summary>
    public sealed record Opened(IMaildrop Maildrop) : MaildropOpening;

    /// <summary>Another session holds it, on this or another replica (`[IN-USE]`).</summary>
    public sealed record InUse : MaildropOpening;

    /// <summary>The storage failed or did not answer (`[SYS/TEMP]`).</summary>
    public sealed record Unavailable : MaildropOpening;
}
