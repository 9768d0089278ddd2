using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Accounts;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Accounts;

/// <summary>
/// Passwords that were checked a short while ago, as HMACs under a key of this process, bound to the verifier they
/// matched: a changed or revoked verifier is never found here (design §3.6).
/// </summary>
internal sealed class RememberedPasswords(IOptions<LoginOptions> options, TimeProvider time) : IDisposable
{
    private static readonly object Present = new();

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly MemoryCache _cache = new(new MemoryCacheOptions { SizeLimit = options.Value.MaxRemembered, Clock = new CacheClock(time) });
    private readonly TimeSpan _time = options.Value.RememberFor;

    public bool Contains(List<ScramVerifier> verifiers, string prepared)
    {
        foreach (var verifier in verifiers)
        {
            if (_cache.TryGetValue(Tag(verifier, prepared), out _))
            {
                return true;
            }
        }

        return false;
    }

    public void Add(ScramVerifier verifier, string prepared) =>
        _cache.Set(Tag(verifier, prepared), Present, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = _time });

    public void Dispose() => _cache.Dispose();

    private UInt128 Tag(ScramVerifier verifier, string prepared)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hmac.AppendData(verifier.StoredKey);
        hmac.AppendData(Encoding.UTF8.GetBytes(prepared));
        hmac.GetHashAndReset(hash);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}
