using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MailFunctions.Functions.Outbound.Hosts;

/// <summary>A TLSA record (RFC 6698 §2.1).</summary>
internal sealed record TlsaAssociation(int Usage, int Selector, int Matching, IReadOnlyList<byte> Data)
{
    public const int TrustAnchor = 2;
    public const int EndEntity = 3;

    /// <summary>RFC 7672 §3.1.3: for mail, usages 0 and 1 are of no use.</summary>
    public bool IsUsable => Usage is TrustAnchor or EndEntity && Selector is 0 or 1 && Matching is 0 or 1 or 2;

    public bool Matches(X509Certificate2 certificate)
    {
        var selected = Selector == 0 ? certificate.RawData : certificate.PublicKey.ExportSubjectPublicKeyInfo();
        return Data.SequenceEqual(Matching switch
        {
            0 => selected,
            1 => SHA256.HashData(selected),
            _ => SHA512.HashData(selected),
        });
    }
}

/// <summary>What the TLSA records of a host say its certificate has to be (RFC 7672).</summary>
/// <param name="domain">The mail's domain: a name that the certificate may have besides the host's.</param>
internal sealed class DaneRule(IReadOnlyList<TlsaAssociation> records, string domain)
{
    private readonly List<TlsaAssociation> _usable = [.. records.Where(r => r.IsUsable)];

    /// <summary>RFC 7672 §2.2: with none, TLS is a must and the certificate does not matter.</summary>
    public bool IsUsable => _usable.Count > 0;

    /// <param name="sent">The certificates behind the host's own.</param>
    public bool Accepts(X509Certificate2 certificate, X509Certificate2Collection sent, string host, DateTimeOffset now) =>
        // RFC 7672 §3.1.1: of an end entity that is named neither names nor dates matter.
        _usable.Any(r => r.Usage == TlsaAssociation.EndEntity && r.Matches(certificate)) || LeadsToAnchor(certificate, sent, host, now);

    // RFC 7672 §3.1.2
    private bool LeadsToAnchor(X509Certificate2 certificate, X509Certificate2Collection sent, string host, DateTimeOffset now)
    {
        var anchors = _usable.Where(r => r.Usage == TlsaAssociation.TrustAnchor).ToList();
        if (anchors.Count == 0 || !(certificate.MatchesHostname(host) || certificate.MatchesHostname(domain)))
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.LocalDateTime;
        // The anchor decides, not its issuer: its root may be unknown here.
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        foreach (var whole in anchors.Where(a => a is { Selector: 0, Matching: 0 }))
        {
            if (Load(whole.Data) is { } anchor)
            {
                chain.ChainPolicy.ExtraStore.Add(anchor);
            }
        }

        return chain.Build(certificate) && chain.ChainElements.Skip(1).Any(e => anchors.Any(a => a.Matches(e.Certificate)));
    }

    private static X509Certificate2? Load(IReadOnlyList<byte> data)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate([.. data]);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
