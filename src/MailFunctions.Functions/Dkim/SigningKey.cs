using System.Security.Cryptography;
using MailFunctions.Core.Dkim;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Asn1.EdEC;
using Org.BouncyCastle.Asn1.Pkcs;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Security;

namespace MailFunctions.Functions.Dkim;

/// <summary>A private key in use. It has no members that could be printed.</summary>
internal sealed class SigningKey
{
    private const string PemLabel = "PRIVATE KEY";

    /// <summary>RFC 8301 §3.2: 2048 should be used, more does not fit into one string of a TXT record's usual tools.</summary>
    private const int RsaBits = 2048;

    private readonly Func<byte[], byte[]> _sign;

    private SigningKey(DkimKey key, Func<byte[], byte[]> sign)
    {
        (Selector, Secret, _sign) = (key.Selector, key.Secret, sign);
        Algorithm = key.Algorithm + "-sha256";
    }

    public string Selector { get; }

    /// <summary>Its name in the key store.</summary>
    public string Secret { get; }

    /// <summary>The tag `a=`: `rsa-sha256`, or `ed25519-sha256` (RFC 8463 §3).</summary>
    public string Algorithm { get; }

    /// <summary>Signs the SHA-256 hash of some octets. Safe to be called at once by several.</summary>
    public byte[] Sign(byte[] octets) => _sign(octets);

    /// <summary>Null when this is not such a key.</summary>
    public static SigningKey? Read(DkimKey key, string pem)
    {
        try
        {
            if (key.Algorithm == DkimAlgorithm.Rsa)
            {
                using var once = RSA.Create();
                once.ImportFromPem(pem);
                var parameters = once.ExportParameters(includePrivateParameters: true);
                return new SigningKey(key, octets =>
                {
                    using var rsa = RSA.Create(parameters); // an instance is not for several threads
                    return rsa.SignData(octets, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                });
            }

            var found = PemEncoding.Find(pem);
            return PrivateKeyFactory.CreateKey(Convert.FromBase64String(pem[found.Base64Data])) is Ed25519PrivateKeyParameters ed25519
                ? new SigningKey(key, octets => Sign(ed25519, octets))
                : null;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException or FormatException
            or IOException or GeneralSecurityException)
        {
            return null;
        }
    }

    /// <summary>A new key pair: the public half as the tag `p=` has it, the private one as PKCS#8 in PEM.</summary>
    public static (string PublicKey, string Pem) Create(string algorithm)
    {
        if (algorithm == DkimAlgorithm.Rsa)
        {
            using var rsa = RSA.Create(RsaBits);
            return (Convert.ToBase64String(rsa.ExportSubjectPublicKeyInfo()), rsa.ExportPkcs8PrivateKeyPem());
        }

        var seed = RandomNumberGenerator.GetBytes(Ed25519PrivateKeyParameters.KeySize);
        var info = new PrivateKeyInfo(new AlgorithmIdentifier(EdECObjectIdentifiers.id_Ed25519), new DerOctetString(seed)); // RFC 8410 §7
        var publicKey = new Ed25519PrivateKeyParameters(seed, 0).GeneratePublicKey().GetEncoded();
        return (Convert.ToBase64String(publicKey), PemEncoding.WriteString(PemLabel, info.GetEncoded()));
    }

    // RFC 8463 §3: Ed25519 over the hash.
    private static byte[] Sign(Ed25519PrivateKeyParameters key, byte[] octets)
    {
        var signer = new Ed25519Signer();
        signer.Init(forSigning: true, key);
        var hash = SHA256.HashData(octets);
        signer.BlockUpdate(hash, 0, hash.Length);
        return signer.GenerateSignature();
    }
}
