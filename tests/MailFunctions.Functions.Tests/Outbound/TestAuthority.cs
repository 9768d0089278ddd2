using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>An authority of the test's own, and what it issues.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly List<IDisposable> _issued = [];

    public TestAuthority()
    {
        var request = Request("CN=Test authority", _key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        Root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-2), DateTimeOffset.UtcNow.AddYears(2));
    }

    private TestAuthority(TestAuthority above)
    {
        var request = Request("CN=Test authority below", _key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var bare = request.Create(above.Root, DateTimeOffset.UtcNow.AddYears(-1), DateTimeOffset.UtcNow.AddYears(1), Serial());
        Root = bare.CopyWithPrivateKey(_key);
    }

    public X509Certificate2 Root { get; }

    public X509Certificate2Collection Roots => [Root];

    public TestAuthority Below()
    {
        var below = new TestAuthority(this);
        _issued.Add(below);
        return below;
    }

    public X509Certificate2 Issue(string host, TimeSpan? endsIn = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request("CN=" + host, key);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        using var bare = request.Create(
            Root, DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow + (endsIn ?? TimeSpan.FromDays(1)), Serial());
        var issued = bare.CopyWithPrivateKey(key);
        _issued.Add(issued);
        return issued;
    }

    public void Dispose()
    {
        _issued.ForEach(i => i.Dispose());
        Root.Dispose();
        _key.Dispose();
    }

    private static CertificateRequest Request(string name, ECDsa key) => new(name, key, HashAlgorithmName.SHA256);

    private static byte[] Serial() => RandomNumberGenerator.GetBytes(8);
}
