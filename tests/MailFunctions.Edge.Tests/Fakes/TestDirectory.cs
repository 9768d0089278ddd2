using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Storage;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>A directory in memory with the domain `example.test`; counts reads, and can be away.</summary>
internal sealed class TestDirectory : IDirectoryStore
{
    public const string Password = "correct horse battery";

    private readonly Dictionary<EmailAddress, DirectoryEntry> _entries = [];
    private int _versions;

    public int DomainReads { get; private set; }

    public int EntryReads { get; private set; }

    public bool IsAway { get; set; }

    /// <summary>Reads wait for it.</summary>
    public TaskCompletionSource? Gate { get; set; }

    public AccountEntry AddAccount(string address, Func<AccountEntry, AccountEntry>? change = null)
    {
        var account = new AccountEntry
        {
            Address = EmailAddress.Parse(address)!,
            MailboxId = "box-" + address,
            Password = ScramVerifier.Create(Password, iterations: 4096),
        };
        account = change?.Invoke(account) ?? account;
        Put(account);
        return account;
    }

    public void AddAlias(string address, params string[] targets) => Put(new AliasEntry
    {
        Address = EmailAddress.Parse(address)!,
        Targets = [.. targets.Select(t => EmailAddress.Parse(t)!)],
    });

    public void Put(DirectoryEntry entry) => _entries[entry.Address] = entry with { ETag = $"{++_versions}" };

    public void Remove(string address) => _entries.Remove(EmailAddress.Parse(address)!);

    public async ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken)
    {
        DomainReads++;
        await ArriveAsync();
        return domain == "example.test" ? new MailDomain { Name = domain } : null;
    }

    public async ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken)
    {
        EntryReads++;
        await ArriveAsync();
        return _entries.GetValueOrDefault(address);
    }

    private async Task ArriveAsync()
    {
        if (Gate is { } gate)
        {
            await gate.Task;
        }

        if (IsAway)
        {
            throw new StoreUnavailableException("away");
        }
    }

    public Task<Written> PutDomainAsync(MailDomain domain, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> DeleteDomainAsync(string domain, string etag, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<Written> PutEntryAsync(DirectoryEntry entry, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> DeleteEntryAsync(EmailAddress address, string etag, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<ListPage<MailDomain>> ListDomainsAsync(int top, string? continuation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<MailDomain>> ListRetiredDkimAsync(DateTimeOffset now, int top, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<ListPage<T>> ListEntriesAsync<T>(string? domain, int top, string? continuation, CancellationToken cancellationToken)
        where T : DirectoryEntry => throw new NotSupportedException();
}
