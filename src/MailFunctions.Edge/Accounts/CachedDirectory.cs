using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Accounts;

/// <summary>
/// The directory behind a short, bounded cache. Entries are cached for <see cref="LoginOptions.DirectoryCacheTime"/>, their
/// absence for <see cref="MissingFor"/>, so that an account made a moment ago can receive. Look-ups of one key
/// under way at once share one read.
/// </summary>
internal sealed class CachedDirectory(IDirectoryStore store, IOptions<LoginOptions> options, TimeProvider time)
    : IDirectoryReader, IDisposable
{
    /// <summary>An address that was not there is asked for again after this.</summary>
    public static readonly TimeSpan MissingFor = TimeSpan.FromSeconds(2);

    private const int MaxEntries = 50_000;

    private readonly TimeSpan _foundFor = options.Value.DirectoryCacheTime;
    private readonly MemoryCache _cache = new(new MemoryCacheOptions { SizeLimit = MaxEntries, Clock = new CacheClock(time) });

    /// <summary>Answers kept now.</summary>
    public int Count => _cache.Count;

    public ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken) =>
        FindAsync(domain, static (s, key) => s.FindDomainAsync(key, CancellationToken.None), cancellationToken);

    public ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken) =>
        FindAsync(address, static (s, key) => s.FindEntryAsync(key, CancellationToken.None), cancellationToken);

    /// <summary>Reads past the cache, and leaves there what it found.</summary>
    public ValueTask<DirectoryEntry?> FindFreshEntryAsync(EmailAddress address, CancellationToken cancellationToken)
    {
        Forget(address);
        return FindEntryAsync(address, cancellationToken);
    }

    /// <summary>The next look-up reads.</summary>
    public void Forget(EmailAddress address) => _cache.Remove(address);

    public void Dispose() => _cache.Dispose();

    private ValueTask<TValue?> FindAsync<TKey, TValue>(
        TKey key, Func<IDirectoryStore, TKey, ValueTask<TValue?>> read, CancellationToken cancellationToken)
        where TKey : notnull
        where TValue : class
    {
        return _cache.Get(key) switch
        {
            TValue found => ValueTask.FromResult<TValue?>(found),
            Task<TValue?> { IsCompletedSuccessfully: true } missing => ValueTask.FromResult(missing.Result),
            Task<TValue?> reading => new(reading.WaitAsync(cancellationToken)),
            _ => ReadAsync(key, read, cancellationToken),
        };
    }

    private async ValueTask<TValue?> ReadAsync<TKey, TValue>(
        TKey key, Func<IDirectoryStore, TKey, ValueTask<TValue?>> read, CancellationToken cancellationToken)
        where TKey : notnull
        where TValue : class
    {
        // Several sessions may wait for this read, so no single session's token may end it.
        var reading = read(store, key).AsTask();
        Remember(key, reading, MissingFor);
        try
        {
            var value = await reading.WaitAsync(cancellationToken);
            if (value is not null)
            {
                Remember(key, value, _foundFor);
            }

            return value;
        }
        catch (Exception) when (reading.IsFaulted)
        {
            _cache.Remove(key); // a failure is not cached
            throw;
        }
    }

    private void Remember(object key, object value, TimeSpan time)
    {
        if (time > TimeSpan.Zero)
        {
            _cache.Set(key, value, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = time });
        }
    }
}
