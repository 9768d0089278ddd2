using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;

namespace MailFunctions.Functions.Api;

/// <summary>A kind of entry of the directory, under an address.</summary>
internal abstract class EntryResource<T>(string kind, string path, IDirectoryStore store) : NamedResource<EmailAddress, T>(kind, path)
    where T : DirectoryEntry
{
    /// <summary>What stands in the way when the address is an entry of another kind.</summary>
    protected abstract string Occupied(string address);

    protected override EmailAddress? ReadName(string text) => ApiRequests.ReadAddress(text);

    protected override string Text(EmailAddress name) => name.ToCanonicalString();

    protected override EmailAddress NameOf(T thing) => thing.Address;

    protected override string ETagOf(T thing) => thing.ETag;

    protected override async ValueTask<T?> ReadAsync(EmailAddress name, CancellationToken cancellationToken) =>
        await store.FindEntryAsync(name, cancellationToken) as T;

    protected override async ValueTask<(T? Existing, IResult? Obstacle)> ReadForPutAsync(
        EmailAddress name, CancellationToken cancellationToken)
    {
        if (await store.FindDomainAsync(name.Domain, cancellationToken) is null)
        {
            return (null, ApiProblems.NotFound($"There is no domain '{name.Domain}': make it first."));
        }

        return await store.FindEntryAsync(name, cancellationToken) switch
        {
            null => (null, null),
            T existing => (existing, null),
            _ => (null, ApiProblems.Conflict(Occupied(Text(name)))),
        };
    }

    protected override Task<Written> PutAsync(T thing, CancellationToken cancellationToken) =>
        store.PutEntryAsync(thing, cancellationToken);
}
