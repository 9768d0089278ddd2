using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Tls;

/// <summary>What TLS one job requires of its hosts: by their TLSA records, by the domain's MTA-STS policy, and by its sender.</summary>
/// <param name="Sts">The domain's policy; null: none.</param>
/// <param name="IsOptional">RFC 8689 §3: the sender set TLS-Required: No.</param>
internal sealed record JobTls(OutboundJob Job, StsPolicy? Sts, bool IsOptional)
{
    public TlsDemand DemandOf(RelayHost host) => TlsDemand.Of(host, Sts, Job.MailFrom.RequireTls, IsOptional);
}
