using System.Security.Cryptography;
using System.Text;

namespace MailFunctions.Core.Accounts;

/// <summary>
/// What is kept of a password: RFC 5802 §3 with SHA-256 (RFC 7677). It is of no use for a login elsewhere, and
/// SCRAM, PLAIN and USER/PASS are all checked against it.
/// </summary>
/// <param name="Salt">16 random octets.</param>
/// <param name="StoredKey">H(ClientKey), 32 octets.</param>
/// <param name="ServerKey">HMAC(SaltedPassword, "Server Key"), 32 octets.</param>
public sealed record ScramVerifier(byte[] Salt, int Iterations, byte[] StoredKey, byte[] ServerKey)
{
    /// <summary>OWASP's figure for PBKDF2-HMAC-SHA256 (2023).</summary>
    public const int DefaultIterations = 600_000;
    public const int SaltOctets = 16;

    /// <summary>Derives a verifier for a password that was prepared by <see cref="SaslPrep"/>.</summary>
    public static ScramVerifier Create(string preparedPassword, int iterations = DefaultIterations)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltOctets);
        var (clientKey, serverKey) = Derive(preparedPassword, salt, iterations);
        return new ScramVerifier(salt, iterations, SHA256.HashData(clientKey), serverKey);
    }

    /// <summary>Derives again and compares in constant time: tens of milliseconds of one core.</summary>
    public bool Matches(string preparedPassword)
    {
        var (clientKey, _) = Derive(preparedPassword, Salt, Iterations);
        return CryptographicOperations.FixedTimeEquals(SHA256.HashData(clientKey), StoredKey);
    }

    /// <summary>Names this verifier, of this salt, among others; of no use for a login.</summary>
    public string Fingerprint() => Convert.ToHexStringLower(SHA256.HashData(StoredKey).AsSpan(0, 16));

    private static (byte[] ClientKey, byte[] ServerKey) Derive(string password, byte[] salt, int iterations)
    {
        Span<byte> salted = stackalloc byte[SHA256.HashSizeInBytes];
        Rfc2898DeriveBytes.Pbkdf2(password, salt, salted, iterations, HashAlgorithmName.SHA256);
        var keys = (HMACSHA256.HashData(salted, "Client Key"u8), HMACSHA256.HashData(salted, "Server Key"u8));
        CryptographicOperations.ZeroMemory(salted);
        return keys;
    }

    // A record would print its members: a verifier never reaches a log.
    private bool PrintMembers(StringBuilder builder)
    {
        builder.Append("Iterations = ").Append(Iterations);
        return true;
    }
}
