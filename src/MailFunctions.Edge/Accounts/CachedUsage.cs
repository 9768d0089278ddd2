using MailFunctions.Core.Mailboxes;
using MailFunctions.Edge.Admission;
using Microsoft.Extensions.Caching.Memory;

namespace MailFunctions.Edge.Accounts;

/// <summary>Octets that a mailbox holds, a few seconds old at most; only asked for accounts with a quota.</summary>
internal sealed class CachedUsage(IMailboxDelivery mailboxes, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan CacheTime = TimeSpan.FromSeconds(5);

    private readonly MemoryCache _cache = new(new MemoryCacheOptions { SizeLimit = 20_000, Clock = new CacheClock(time) });

    public async ValueTask<long> BytesAsync(string mailboxId, CancellationToken cancellationToken)
    {
        if (_cache.TryGetValue(mailboxId, out long bytes))
        {
            return bytes;
        }

        bytes = (await mailboxes.ReadStateAsync(mailboxId, cancellationToken))?.Bytes ?? 0;
        _cache.Set(mailboxId, bytes, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = CacheTime });
        return bytes;
    }

    public void Dispose() => _cache.Dispose();
}
