using MailFunctions.Core.Accounts;

namespace MailFunctions.Core.Sessions;

/// <summary>Keeps clients from logging in too often (RFC 2449 §6.5).</summary>
public interface ILoginPace
{
    /// <summary>Counts a login with good credentials, or refuses it with the time that has yet to pass.</summary>
    TimeSpan TryEnter(AuthenticatedAccount account);
}
