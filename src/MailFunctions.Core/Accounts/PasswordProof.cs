using System.Security.Cryptography;
using System.Text;

namespace MailFunctions.Core.Accounts;

/// <summary>The name of a password that matched a verifier: with another key, verifier or password it is another one.</summary>
public static class PasswordProof
{
    /// <summary>A proof is taken for so long after it was written.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    /// <summary>64 hexadecimal digits.</summary>
    /// <param name="key">32 octets that are kept apart from the tables.</param>
    public static string NameOf(ReadOnlySpan<byte> key, ScramVerifier verifier, string preparedPassword)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hmac.AppendData(verifier.StoredKey); // 32 octets always, so what follows begins where it has to
        hmac.AppendData(Encoding.UTF8.GetBytes(preparedPassword));
        return Convert.ToHexStringLower(hmac.GetHashAndReset());
    }
}
