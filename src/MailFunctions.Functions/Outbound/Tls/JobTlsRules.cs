using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Tls;

/// <summary>Finds what TLS a job requires, and which hosts it excludes.</summary>
internal sealed class JobTlsRules(IStsPolicies policies, IMessageStore store, ITlsResults results)
{
    public async Task<JobTls> FindAsync(OutboundJob job, IReadOnlyList<RelayHost> hosts, CancellationToken cancellationToken)
    {
        var sts = hosts.Any(h => h is { IsExchange: true, Dane: null }) ? await policies.FindAsync(job.Domain, cancellationToken) : null;
        var isOptional = !job.MailFrom.RequireTls
            && (sts?.Mode == StsPolicy.Enforce || hosts.Any(h => h.Dane is not null || h.IsDaneUnknown))
            && await TlsRequiredField.IsNoAsync(store, job.Blob, cancellationToken);
        return new JobTls(job, sts, isOptional);
    }

    /// <summary>Why a host must not be connected to; null: it may be. Counted.</summary>
    public HostFailure? Exclusion(JobTls tls, RelayHost host)
    {
        var domain = tls.Job.Domain;
        if (host.IsDaneUnknown && !tls.IsOptional)
        {
            results.Count(domain, TlsPolicyType.Tlsa, TlsResultType.DnssecInvalid);
            return new HostFailure("4.7.5", $"DNS can't say whether {host.Host} has TLSA records", null);
        }

        if (!host.IsExchange || host.Dane is not null || tls.Sts is not { Mode: not StsPolicy.None } sts || sts.Names(host.Host))
        {
            return null;
        }

        // RFC 8461 §5: an exchange that the policy does not name.
        results.Count(domain, TlsPolicyType.Sts, TlsResultType.Failed);
        return sts.Mode == StsPolicy.Enforce && !tls.IsOptional
            ? new HostFailure("4.7.5", $"{host.Host} is not named by the MTA-STS policy of {domain}", null)
            : null;
    }
}
