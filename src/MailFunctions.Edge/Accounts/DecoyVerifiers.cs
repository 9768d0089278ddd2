using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Accounts;

namespace MailFunctions.Edge.Accounts;

/// <summary>
/// Verifiers for names without one (RFC 5802 §9): a name gets the same salt from every edge and after every restart, as an
/// account does.
/// </summary>
/// <param name="keys">Null: the key is this process's own.</param>
internal sealed class DecoyVerifiers(ISharedKeys? keys = null)
{
    public const string KeyName = "decoys";

    private byte[]? _key = keys is null ? RandomNumberGenerator.GetBytes(32) : null;

    /// <exception cref="Core.Messages.StoreUnavailableException">The key can't be read now.</exception>
    public async ValueTask<ScramVerifier> ForAsync(string name, CancellationToken cancellationToken)
    {
        _key ??= await keys!.GetAsync(KeyName, cancellationToken);
        var made = HMACSHA512.HashData(_key, Encoding.UTF8.GetBytes(name));
        return new ScramVerifier(made[..ScramVerifier.SaltOctets], ScramVerifier.DefaultIterations, made[^32..], made[16..48]);
    }
}
