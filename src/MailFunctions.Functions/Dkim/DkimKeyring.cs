using System.Globalization;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Dkim;

/// <summary>
/// Creates, activates and retires the keys of domains, always in pairs of RSA and Ed25519. Private keys are written
/// before the row that names them, and deleted after the row no longer names them.
/// </summary>
internal sealed partial class DkimKeyring(IDirectoryStore directory, IDkimKeyStore? store, TimeProvider time, ILogger<DkimKeyring> logger)
{
    /// <summary>Mail signed with an old selector may be checked for this long after the new one is in use.</summary>
    public static readonly TimeSpan RetiringFor = TimeSpan.FromDays(7);

    /// <summary>Selectors of one domain; each takes some 700 octets of its row.</summary>
    public const int MaxKeys = 16;

    /// <summary>False where no place for private keys is configured.</summary>
    public bool CanMake => store is not null;

    /// <summary>A new pair whose private halves are stored; the domain's row has yet to name it.</summary>
    /// <exception cref="StoreUnavailableException">The key store refused; nothing is left in it.</exception>
    public async Task<IReadOnlyList<DkimKey>> MakeAsync(IReadOnlyList<DkimKey> existing, string state, CancellationToken cancellationToken)
    {
        if (store is null)
        {
            return [];
        }

        var now = time.GetUtcNow();
        var stem = FreeStem(existing, now);
        var made = new List<DkimKey>();
        foreach (var (algorithm, letter) in ((string, char)[])[(DkimAlgorithm.Rsa, 'r'), (DkimAlgorithm.Ed25519, 'e')])
        {
            var (publicKey, pem) = SigningKey.Create(algorithm);
            var key = new DkimKey
            {
                Selector = stem + letter,
                Algorithm = algorithm,
                PublicKey = publicKey,
                Secret = $"dkim-{stem}{letter}-{Guid.NewGuid():N}", // deleted names stay taken in a vault
                State = state,
                CreatedAt = now,
            };
            try
            {
                await store.PutAsync(key.Secret, pem, cancellationToken);
            }
            catch (StoreUnavailableException)
            {
                await DropAsync(made);
                throw;
            }

            made.Add(key);
        }

        return made;
    }

    /// <summary>The domain with its keys, or, where it has none, with a new pair.</summary>
    /// <exception cref="StoreUnavailableException">The key store or the directory is unavailable.</exception>
    public async Task<MailDomain> EnsureAsync(MailDomain domain, CancellationToken cancellationToken)
    {
        if (store is null || domain.DkimKeys.Count > 0)
        {
            return domain;
        }

        var made = await MakeAsync([], DkimState.Active, cancellationToken);
        var changed = domain with { DkimKeys = made };
        if ((await directory.PutDomainAsync(changed, cancellationToken)).Result == WriteResult.Replaced)
        {
            return changed;
        }

        await DropAsync(made); // another invocation made keys first, or the domain is gone
        return await directory.FindDomainAsync(domain.Name, cancellationToken) ?? domain;
    }

    /// <summary>Null when the key store has no such key.</summary>
    public async Task<SigningKey?> FindAsync(DkimKey key, CancellationToken cancellationToken) =>
        store is not null && await store.FindAsync(key.Secret, cancellationToken) is { } pem ? SigningKey.Read(key, pem) : null;

    /// <summary>Published keys become active, and active ones retire.</summary>
    public MailDomain Activate(MailDomain domain)
    {
        var now = time.GetUtcNow();
        return domain with
        {
            DkimKeys =
            [
                .. domain.DkimKeys.Select(k => k.State switch
                {
                    DkimState.Published => k with { State = DkimState.Active },
                    DkimState.Active => k with { State = DkimState.Retiring, RemoveAt = now + RetiringFor },
                    _ => k,
                }),
            ],
        };
    }

    /// <summary>Deletes private keys that no row names any more; false when some could not be deleted, which the log names.</summary>
    public async Task<bool> DropAsync(IEnumerable<DkimKey> keys)
    {
        var all = true;
        foreach (var key in keys)
        {
            try
            {
                await (store?.DeleteAsync(key.Secret, CancellationToken.None) ?? Task.CompletedTask);
            }
            catch (StoreUnavailableException e)
            {
                Log.NotDeleted(logger, key.Secret, e.Message);
                all = false;
            }
        }

        return all;
    }

    /// <summary>`mf20261124`, or `mf20261124-2` where that is taken.</summary>
    private static string FreeStem(IReadOnlyList<DkimKey> existing, DateTimeOffset now)
    {
        var day = "mf" + now.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        var stem = day;
        for (var number = 2; existing.Any(k => k.Selector[..^1] == stem); number++)
        {
            stem = $"{day}-{number}";
        }

        return stem;
    }

    private static partial class Log
    {
        [LoggerMessage(2502, LogLevel.Warning, "The private key {Secret}, which nothing needs any more, could not be deleted: {Reason}",
            EventName = "DkimKeyNotDeleted")]
        public static partial void NotDeleted(ILogger logger, string secret, string reason);
    }
}
