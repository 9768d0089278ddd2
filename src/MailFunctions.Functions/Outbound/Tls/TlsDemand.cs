using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Hosts;

namespace MailFunctions.Functions.Outbound.Tls;

/// <summary>What a certificate has to show.</summary>
internal enum CertificateRule
{
    /// <summary>Any certificate: RFC 7435 §3, protection against passive attackers.</summary>
    Any,

    /// <summary>The host's name and an authority that this machine trusts.</summary>
    Authority,

    /// <summary>What the host's TLSA records say.</summary>
    Dane,
}

/// <summary>What TLS is required in a session with one host.</summary>
/// <param name="Policy">One of <see cref="TlsPolicyType"/>, for counting; null: a fixed route, which is not counted.</param>
/// <param name="IsEnforced">Without it nothing is sent; false: it is only counted.</param>
internal sealed record TlsDemand(string? Policy, CertificateRule Rule, bool IsEnforced)
{
    /// <param name="sts">The domain's policy; null: none.</param>
    /// <param name="requireTls">RFC 8689 §4.2.1: the sender wants a valid certificate and no plaintext.</param>
    /// <param name="tlsOptional">RFC 8689 §3: delivery matters more to the sender than the domain's TLS policy.</param>
    public static TlsDemand Of(RelayHost host, StsPolicy? sts, bool requireTls, bool tlsOptional)
    {
        var demand = host switch
        {
            { IsExchange: false, Tls: RelayTls.StartTls or RelayTls.Implicit } => new TlsDemand(null, CertificateRule.Authority, true),
            { IsExchange: false } => new TlsDemand(null, CertificateRule.Any, false),
            // RFC 8461 §2: a policy never replaces TLSA records that are not met.
            { Dane: { } dane } =>
                new TlsDemand(TlsPolicyType.Tlsa, dane.IsUsable ? CertificateRule.Dane : CertificateRule.Any, !tlsOptional),
            _ when sts?.Mode is StsPolicy.Enforce or StsPolicy.Testing =>
                new TlsDemand(TlsPolicyType.Sts, CertificateRule.Authority, sts.Mode == StsPolicy.Enforce && !tlsOptional),
            _ => new TlsDemand(TlsPolicyType.None, CertificateRule.Any, false),
        };
        var checkedRule = demand.Rule == CertificateRule.Dane ? CertificateRule.Dane : CertificateRule.Authority;
        return requireTls ? demand with { Rule = checkedRule, IsEnforced = true } : demand;
    }

    /// <summary>What is wrong with a certificate, as RFC 8460 §4.3 names it; null: nothing that matters.</summary>
    public string? FaultOf(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, RelayHost host, DateTimeOffset now)
    {
        switch (Rule)
        {
            case CertificateRule.Any:
                return null;
            case CertificateRule.Dane:
                return certificate is X509Certificate2 leaf && host.Dane!.Accepts(leaf, chain?.ChainPolicy.ExtraStore ?? [], host.Host, now)
                    ? null
                    : TlsResultType.TlsaInvalid;
        }

        return errors switch
        {
            SslPolicyErrors.None => null,
            _ when errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) => TlsResultType.HostMismatch,
            _ when chain?.ChainStatus.Any(s => s.Status.HasFlag(X509ChainStatusFlags.NotTimeValid)) is true => TlsResultType.Expired,
            _ => TlsResultType.NotTrusted,
        };
    }
}
