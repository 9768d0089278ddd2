using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Edge.Configuration;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.Edge.Tls;
using MailFunctions.TestKit;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Tls;

/// <summary>The certificate from its files, and its change while the edge runs.</summary>
public sealed class ServerCertificateTests : IDisposable
{
    private static readonly TimeSpan BetweenChecks = TimeSpan.FromSeconds(6);

    private readonly ManualTime _time = new();
    private readonly TemporaryDirectory _directory = new();
    private readonly TestLog<ServerCertificate> _log = new();

    private string Pem => _directory.File("server.pem");

    [Fact]
    public void Handshake_FileChanged_NewHandshakesGetTheNewCertificate()
    {
        Write("one");
        var certificate = Certificate();
        Assert.Equal("CN=one", Subject(certificate));

        Write("two");
        _time.Advance(BetweenChecks);

        Assert.Equal("CN=two", Subject(certificate));
    }

    [Fact]
    public void Handshake_FileUnchanged_IsReadOnce()
    {
        Write("one");
        var certificate = Certificate();
        var first = certificate.Handshake();
        _time.Advance(BetweenChecks);

        Assert.Same(first, certificate.Handshake());
    }

    [Theory]
    [InlineData("no certificate at all")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    [InlineData("")]
    public void Handshake_FileBecameUnreadable_LastGoodOneStaysAndItIsTold(string content)
    {
        Write("one");
        var certificate = Certificate();
        certificate.Load();

        File.WriteAllText(Pem, content);
        _time.Advance(BetweenChecks);

        Assert.Equal("CN=one", Subject(certificate));
        Assert.Contains(_log.Lines, l => l.Contains("the last good one stays", StringComparison.Ordinal));
    }

    [Fact]
    public void Handshake_FileGone_LastGoodOneStays()
    {
        Write("one");
        var certificate = Certificate();
        certificate.Load();

        File.Delete(Pem);
        _time.Advance(BetweenChecks);

        Assert.Equal("CN=one", Subject(certificate));
    }

    [Fact]
    public void Load_NoCertificateFromTheStart_Throws()
    {
        File.WriteAllText(Pem, "nothing");

        Assert.ThrowsAny<CryptographicException>(() => Certificate().Load());
    }

    [Fact]
    public void Load_PfxWithPassword_IsRead()
    {
        using var made = TestCertificate.Create("pfx");
        File.WriteAllBytes(Pem, made.Export(X509ContentType.Pkcs12, "secret"));

        Assert.Equal(
            "CN=pfx",
            Subject(new ServerCertificate(Options.Create(new TlsOptions { CertificatePath = Pem, Password = "secret" }), _time, _log)));
    }

    [Fact]
    public void Load_KeyInAFileOfItsOwn_IsRead()
    {
        using var made = TestCertificate.Create("apart");
        using var key = made.GetECDsaPrivateKey()!;
        File.WriteAllText(Pem, made.ExportCertificatePem());
        File.WriteAllText(_directory.File("server.key"), key.ExportPkcs8PrivateKeyPem());

        Assert.Equal("CN=apart", Subject(new ServerCertificate(
            Options.Create(new TlsOptions { CertificatePath = Pem, KeyPath = _directory.File("server.key") }), _time, _log)));
    }

    [Theory]
    [InlineData("SHA256")]
    [InlineData("SHA384")]
    [InlineData("SHA512")]
    public void EndPointBinding_UsesTheHashOfTheSignature(string hash)
    {
        using var made = TestCertificate.Create("hash", new HashAlgorithmName(hash));
        TestCertificate.WritePem(Pem, made);

        Assert.Equal(CryptographicOperations.HashData(new HashAlgorithmName(hash), made.RawData), Certificate().EndPointBinding());
    }

    public void Dispose() => _directory.Dispose();

    private void Write(string name)
    {
        using var certificate = TestCertificate.Create(name);
        TestCertificate.WritePem(Pem, certificate);
        File.SetLastWriteTimeUtc(Pem, DateTime.UnixEpoch.AddSeconds(++_writes)); // not the same stamp twice
    }

    private int _writes;

    private ServerCertificate Certificate() => new(Options.Create(new TlsOptions { CertificatePath = Pem }), _time, _log);

    private static string Subject(ServerCertificate certificate) =>
        certificate.Handshake().ServerCertificateContext!.TargetCertificate.Subject;
}
