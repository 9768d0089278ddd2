using System.Collections.Concurrent;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Storage;

namespace MailFunctions.TestKit;

/// <summary>The tables `domains` and `directory` in memory, with version tags; it counts its reads.</summary>
public class MemoryDirectory : IDirectoryStore
{
    private readonly ConcurrentDictionary<EmailAddress, DirectoryEntry> _entries = [];
    private int _version;
    private int _domainReads;
    private int _entryReads;

    public ConcurrentDictionary<string, MailDomain> Domains { get; } = [];

    public int DomainReads => _domainReads;

    public int EntryReads => _entryReads;

    /// <summary>Called before the row of a domain is replaced.</summary>
    public Action? BeforePut { get; set; }

    public MailDomain Put(MailDomain domain) => Domains[domain.Name] = domain with { ETag = NextVersion() };

    public void Put(DirectoryEntry entry) => _entries[entry.Address] = entry with { ETag = NextVersion() };

    public void Remove(string address) => _entries.TryRemove(EmailAddress.Parse(address)!, out _);

    private string NextVersion() => $"{Interlocked.Increment(ref _version)}";

    public virtual async ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _domainReads);
        await ArriveAsync();
        return Domains.GetValueOrDefault(domain);
    }

    public virtual async ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _entryReads);
        await ArriveAsync();
        return _entries.GetValueOrDefault(address);
    }

    /// <summary>Called before a row is read.</summary>
    protected virtual Task ArriveAsync() => Task.CompletedTask;

    public Task<Written> PutDomainAsync(MailDomain domain, CancellationToken cancellationToken)
    {
        BeforePut?.Invoke();
        return Task.FromResult((Domains.GetValueOrDefault(domain.Name)?.ETag ?? "") == domain.ETag
            ? new Written(WriteResult.Replaced, Put(domain).ETag)
            : new Written(WriteResult.Conflict));
    }

    public Task<IReadOnlyList<MailDomain>> ListRetiredDkimAsync(DateTimeOffset now, int top, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<MailDomain>>([.. Domains.Values.Where(d => d.DkimKeys.Any(k => k.RemoveAt <= now)).Take(top)]);

    public Task<WriteResult> DeleteDomainAsync(string domain, string etag, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<Written> PutEntryAsync(DirectoryEntry entry, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> DeleteEntryAsync(EmailAddress address, string etag, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<ListPage<MailDomain>> ListDomainsAsync(int top, string? continuation, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<ListPage<T>> ListEntriesAsync<T>(string? domain, int top, string? continuation, CancellationToken cancellationToken)
        where T : DirectoryEntry => throw new NotSupportedException();
}
