using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Accounts;

namespace MailFunctions.Edge.Accounts;

/// <summary>Names of passwords that were checked: HMACs under a key of this process, so that none is kept.</summary>
internal sealed class PasswordTags
{
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Of a password with the verifier it matched: with another verifier it is another one (design §3.6).</summary>
    public UInt128 OfMatch(ScramVerifier verifier, string prepared) => Tag("match"u8, verifier.StoredKey, Encoding.UTF8.GetBytes(prepared));

    /// <summary>Of a guess at an account as it is: changed, it is another one.</summary>
    /// <param name="version">The entry's ETag; empty where there is no account.</param>
    public UInt128 OfGuess(string name, string version, string prepared) =>
        Tag("guess"u8, Encoding.UTF8.GetBytes($"{name}\0{version}"), Encoding.UTF8.GetBytes(prepared));

    private UInt128 Tag(ReadOnlySpan<byte> kind, ReadOnlySpan<byte> of, ReadOnlySpan<byte> password)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, of.Length);
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hmac.AppendData(kind);
        hmac.AppendData(length); // where one part ends and the next begins
        hmac.AppendData(of);
        hmac.AppendData(password);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        hmac.GetHashAndReset(hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}
