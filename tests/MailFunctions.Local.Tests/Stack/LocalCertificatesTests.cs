using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Local.Stack;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Stack;

/// <summary>A developer trusts the local authority: it vouches for this machine and the example's domain, and for nothing else.</summary>
public sealed class LocalCertificatesTests : IDisposable
{
    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("mail.example.test", true)]
    [InlineData("localhost", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("www.bank.example", false)]
    [InlineData("192.0.2.1", false)]
    public void Authority_VouchesForThisMachineOnly(string name, bool isTrusted)
    {
        LocalCertificates.ReadOrCreate(_files.Path, "mail.example.test");
        using var authority = X509Certificate2.CreateFromPemFile(_files.File("ca.pem"), _files.File("ca.key"));
        using var certificate = Issue(authority, name);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;

        Assert.Equal(isTrusted, chain.Build(certificate));
    }

    [Fact]
    public void AuthorityOfAnOlderDirectory_WithoutConstraints_IsReplacedWithItsServersCertificate()
    {
        LocalCertificates.ReadOrCreate(_files.Path, "mail.example.test");
        using (var key = ECDsa.Create())
        using (var old = new CertificateRequest("CN=old", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddYears(1)))
        {
            File.WriteAllText(_files.File("ca.pem"), old.ExportCertificatePem());
            File.WriteAllText(_files.File("ca.key"), key.ExportPkcs8PrivateKeyPem());
        }

        LocalCertificates.ReadOrCreate(_files.Path, "mail.example.test");

        using var authority = X509CertificateLoader.LoadCertificateFromFile(_files.File("ca.pem"));
        using var server = X509CertificateLoader.LoadCertificateFromFile(_files.File("server.pem"));
        Assert.Equal("CN=MailFunctions local authority", authority.Subject);
        Assert.Equal(authority.Subject, server.Issuer);
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string name)
    {
        using var key = ECDsa.Create();
        var request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(name);
        }

        request.CertificateExtensions.Add(names.Build());
        return request.Create(authority, authority.NotBefore, authority.NotAfter, [1]);
    }
}
