using System.Net;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Smtp;

/// <summary>Where a message comes from.</summary>
internal sealed record Origin(ClientInfo Client, IPAddress Address, TlsDetails? Tls, bool Esmtp, AuthenticatedAccount? Account);
