using System.Net;
using MailFunctions.Core.Accounts;

namespace MailFunctions.Core.Sessions;

/// <summary>What happened in a POP3 session, for metrics and logs; never content, never credentials.</summary>
public interface IPop3Events
{
    void LoggedIn(IPAddress client, AuthenticatedAccount account, long messages);

    void Retrieved(long octets);

    void Deleted(int messages);
}
