using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace MailFunctions.Local.Stack;

/// <summary>A certificate authority of the data directory's own, and a server certificate for the names of this machine.</summary>
internal sealed class LocalCertificates
{
    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(14);

    private LocalCertificates(string directory)
    {
        AuthorityPath = Path.Combine(directory, "ca.pem");
        CertificatePath = Path.Combine(directory, "server.pem");
        KeyPath = Path.Combine(directory, "server.key");
    }

    /// <summary>For clients to trust.</summary>
    public string AuthorityPath { get; }

    /// <summary>Server certificate and authority.</summary>
    public string CertificatePath { get; }

    public string KeyPath { get; }

    /// <summary>Makes what is missing or about to expire.</summary>
    public static LocalCertificates ReadOrCreate(string directory, string hostName)
    {
        Directory.CreateDirectory(directory);
        var files = new LocalCertificates(directory);
        var authorityKey = Path.Combine(directory, "ca.key");
        var before = Read(files.AuthorityPath, authorityKey);
        var isKept = before is not null && NameConstraints.AreIn(before);
        using var authority = isKept ? before! : CreateAuthority(files.AuthorityPath, authorityKey);
        using var server = Read(files.CertificatePath, files.KeyPath);
        if (server is null || !isKept)
        {
            CreateServer(files, authority, hostName);
        }

        return files;
    }

    private static X509Certificate2? Read(string path, string keyPath)
    {
        if (!File.Exists(path) || !File.Exists(keyPath))
        {
            return null;
        }

        try
        {
            var certificate = X509Certificate2.CreateFromPemFile(path, keyPath);
            if (certificate.NotAfter.ToUniversalTime() - DateTime.UtcNow > RenewBefore)
            {
                return certificate;
            }

            certificate.Dispose();
            return null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static X509Certificate2 CreateAuthority(string path, string keyPath)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=MailFunctions local authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(
            certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(NameConstraints.ForThisMachine());
        var now = DateTimeOffset.UtcNow;
        var authority = request.CreateSelfSigned(now.AddHours(-1), now.AddYears(10));
        File.WriteAllText(path, authority.ExportCertificatePem());
        PrivateFile.Write(keyPath, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()));
        return authority;
    }

    private static void CreateServer(LocalCertificates files, X509Certificate2 authority, string hostName)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={hostName}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddDnsName(hostName);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(
            certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(
            authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var now = DateTimeOffset.UtcNow;
        using var certificate = request.Create(authority, now.AddHours(-1), now.AddDays(397), RandomNumberGenerator.GetBytes(16));
        PrivateFile.Write(files.KeyPath, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()));
        File.WriteAllText(files.CertificatePath, certificate.ExportCertificatePem() + "\n" + authority.ExportCertificatePem() + "\n");
    }
}
