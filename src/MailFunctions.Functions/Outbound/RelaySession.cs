using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Smtp;
using MailFunctions.Functions.Outbound.Tls;

namespace MailFunctions.Functions.Outbound;

/// <summary>An SMTP session with a host, with the TLS it requires.</summary>
internal sealed record RelaySession(RelayClient Client, RelayHost Host, TlsDemand Demand) : IDisposable
{
    public void Dispose() => Client.Dispose();
}
