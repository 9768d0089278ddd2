using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Tls;

/// <summary>
/// The certificate of the listeners, read again when its file changes: new handshakes get the new one, sessions under
/// way keep theirs. A file that can't be read leaves the last good certificate in place.
/// </summary>
internal sealed partial class ServerCertificate(IOptions<TlsOptions> options, TimeProvider time, ILogger<ServerCertificate> logger)
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(5);

    private readonly TlsOptions _options = options.Value;
    private readonly Lock _lock = new();
    private Loaded? _loaded;
    private long _checkedAt;

    /// <summary>A certificate is configured.</summary>
    public bool IsConfigured => _options.CertificatePath.Length > 0;

    /// <summary>Limit for a handshake.</summary>
    public TimeSpan HandshakeTimeout => _options.HandshakeTimeout;

    /// <summary>What a handshake needs: TLS 1.2 and 1.3 with forward secrecy and AEAD, no renegotiation.</summary>
    public SslServerAuthenticationOptions Handshake() => Current().Handshake;

    /// <summary>The hash of the certificate for tls-server-end-point (RFC 5929 §4.1).</summary>
    public byte[] EndPointBinding() => Current().EndPointBinding;

    /// <summary>
    /// A key of this certificate, the same on every edge that has it, for names of passwords (decision 0066); null without a
    /// certificate, or with one whose private key can't be read.
    /// </summary>
    public byte[]? PasswordKey() => IsConfigured ? Current().PasswordKey : null;

    /// <summary>Reads the files now.</summary>
    /// <exception cref="CryptographicException">They hold no certificate with its key.</exception>
    public void Load() => Current();

    private Loaded Current()
    {
        lock (_lock)
        {
            if (_loaded is not null && time.GetElapsedTime(_checkedAt) < CheckInterval)
            {
                return _loaded;
            }

            _checkedAt = time.GetTimestamp();
            var stamp = Stamp();
            if (_loaded is not null && _loaded.Stamp == stamp)
            {
                return _loaded;
            }

            try
            {
                _loaded = Read(stamp);
                Log.Loaded(logger, _loaded.Subject, _loaded.NotAfter);
            }
            catch (Exception e) when (_loaded is not null && e is CryptographicException or IOException or UnauthorizedAccessException)
            {
                Log.ReloadFailed(logger, _options.CertificatePath, e.Message);
            }

            return _loaded!;
        }
    }

    private (DateTime, DateTime) Stamp() =>
        (File.GetLastWriteTimeUtc(_options.CertificatePath),
         _options.KeyPath.Length > 0 ? File.GetLastWriteTimeUtc(_options.KeyPath) : default);

    private Loaded Read((DateTime, DateTime) stamp)
    {
        var chain = new X509Certificate2Collection();
        X509Certificate2 leaf;
        if (File.ReadAllText(_options.CertificatePath).Contains("-----BEGIN ", StringComparison.Ordinal))
        {
            var keyPath = _options.KeyPath.Length > 0 ? _options.KeyPath : _options.CertificatePath;
            leaf = _options.Password.Length > 0
                ? X509Certificate2.CreateFromEncryptedPemFile(_options.CertificatePath, _options.Password, keyPath)
                : X509Certificate2.CreateFromPemFile(_options.CertificatePath, keyPath);
            chain.ImportFromPemFile(_options.CertificatePath);
        }
        else
        {
            chain = X509CertificateLoader.LoadPkcs12CollectionFromFile(_options.CertificatePath, _options.Password);
            leaf = chain.FirstOrDefault(c => c.HasPrivateKey)
                ?? throw new CryptographicException($"'{_options.CertificatePath}' holds no private key.");
        }

        return new Loaded(stamp, leaf.Subject, leaf.NotAfter, HashForBinding(leaf), PasswordKeyOf(leaf),
            Options(SslStreamCertificateContext.Create(leaf, chain, offline: true)));
    }

    private static SslServerAuthenticationOptions Options(SslStreamCertificateContext certificate)
    {
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            EncryptionPolicy = EncryptionPolicy.RequireEncryption,
        };
        if (OperatingSystem.IsLinux() && !KeptContext.TryNarrow(options))
        {
            options.CipherSuitesPolicy = new CipherSuitesPolicy(CipherSuites);
        }

        return options;
    }

    // RFC 9325 §4.2: forward secrecy and AEAD only.
    private static readonly TlsCipherSuite[] CipherSuites =
    [
        TlsCipherSuite.TLS_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];

    // RFC 5929 §4.1: the hash of the signature algorithm, SHA-256 in place of MD5 and SHA-1.
    private static byte[] HashForBinding(X509Certificate2 certificate) =>
        certificate.SignatureAlgorithm.FriendlyName switch
        {
            { } name when name.Contains("sha384", StringComparison.OrdinalIgnoreCase) => SHA384.HashData(certificate.RawDataMemory.Span),
            { } name when name.Contains("sha512", StringComparison.OrdinalIgnoreCase) => SHA512.HashData(certificate.RawDataMemory.Span),
            _ => SHA256.HashData(certificate.RawDataMemory.Span),
        };

    // RFC 5869: what is made of the private key says nothing of it, nor of what else is made of it.
    private static byte[]? PasswordKeyOf(X509Certificate2 certificate)
    {
        using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey() ?? certificate.GetRSAPrivateKey();
        try
        {
            var octets = key?.ExportPkcs8PrivateKey();
            var made = octets is null
                ? null
                : HKDF.DeriveKey(HashAlgorithmName.SHA256, octets, 32, info: "MailFunctions password proofs"u8.ToArray());
            CryptographicOperations.ZeroMemory(octets);
            return made;
        }
        catch (CryptographicException)
        {
            return null; // it may not leave its store
        }
    }

    private sealed record Loaded(
        (DateTime, DateTime) Stamp, string Subject, DateTime NotAfter, byte[] EndPointBinding, byte[]? PasswordKey,
        SslServerAuthenticationOptions Handshake);

    private static partial class Log
    {
        [LoggerMessage(1100, LogLevel.Information, "TLS certificate {Subject}, valid until {NotAfter:u}", EventName = "CertificateLoaded")]
        public static partial void Loaded(ILogger logger, string subject, DateTime notAfter);

        [LoggerMessage(
            1101, LogLevel.Error, "The TLS certificate in {Path} changed and can't be read; the last good one stays: {Reason}",
            EventName = "CertificateReloadFailed")]
        public static partial void ReloadFailed(ILogger logger, string path, string reason);
    }
}
