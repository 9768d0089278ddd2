using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Storage;

namespace MailFunctions.Azure.Directory;

/// <summary>The tables `domains` and `directory`.</summary>
internal sealed class DirectoryTable(TableServiceClient service) : IDirectoryStore
{
    public const string DomainsName = "domains";
    public const string DirectoryName = "directory";

    private readonly TableClient _domains = service.GetTableClient(DomainsName);
    private readonly TableClient _directory = service.GetTableClient(DirectoryName);

    public async ValueTask<MailDomain?> FindDomainAsync(string domain, CancellationToken cancellationToken) =>
        await FindAsync(_domains, DirectoryRow.DomainPartition, domain, cancellationToken) is { } row
            ? DirectoryRow.ToDomain(row)
            : null;

    public async ValueTask<DirectoryEntry?> FindEntryAsync(EmailAddress address, CancellationToken cancellationToken) =>
        await FindAsync(_directory, address.Domain, TableKey.Escape(address.Key), cancellationToken) is { } row
            ? DirectoryRow.ToEntry(row)
            : null;

    public Task<Written> PutDomainAsync(MailDomain domain, CancellationToken cancellationToken) =>
        PutAsync(_domains, DirectoryRow.From(domain), domain.ETag, cancellationToken);

    public Task<WriteResult> DeleteDomainAsync(string domain, string etag, CancellationToken cancellationToken) =>
        DeleteAsync(_domains, DirectoryRow.DomainPartition, domain, etag, cancellationToken);

    public Task<Written> PutEntryAsync(DirectoryEntry entry, CancellationToken cancellationToken) =>
        PutAsync(_directory, DirectoryRow.From(entry), entry.ETag, cancellationToken);

    public Task<WriteResult> DeleteEntryAsync(EmailAddress address, string etag, CancellationToken cancellationToken) =>
        DeleteAsync(_directory, address.Domain, TableKey.Escape(address.Key), etag, cancellationToken);

    public Task<ListPage<MailDomain>> ListDomainsAsync(int top, string? continuation, CancellationToken cancellationToken) =>
        ListAsync(
            _domains,
            TableClient.CreateQueryFilter($"PartitionKey eq {DirectoryRow.DomainPartition}"),
            top,
            continuation,
            DirectoryRow.ToDomain,
            cancellationToken);

    public async Task<IReadOnlyList<MailDomain>> ListRetiredDkimAsync(DateTimeOffset now, int top, CancellationToken cancellationToken)
    {
        var found = new List<MailDomain>();
        return await StorageGuard.RunAsync<IReadOnlyList<MailDomain>>(
            $"The table '{DomainsName}' could not be read",
            async () =>
            {
                var filter = TableClient.CreateQueryFilter($"PartitionKey eq {DirectoryRow.DomainPartition} and DkimRemoveAt le {now}");
                await foreach (var row in _domains.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
                {
                    found.Add(DirectoryRow.ToDomain(row));
                    if (found.Count == top)
                    {
                        break;
                    }
                }

                return found;
            },
            cancellationToken);
    }

    public Task<ListPage<T>> ListEntriesAsync<T>(string? domain, int top, string? continuation, CancellationToken cancellationToken)
        where T : DirectoryEntry
    {
        var kind = DirectoryRow.KindOf<T>();
        var filter = domain is null
            ? TableClient.CreateQueryFilter($"Kind eq {kind}")
            : TableClient.CreateQueryFilter($"PartitionKey eq {domain} and Kind eq {kind}");
        return ListAsync(_directory, filter, top, continuation, row => (T)DirectoryRow.ToEntry(row), cancellationToken);
    }

    private static Task<TableEntity?> FindAsync(TableClient table, string partition, string row, CancellationToken cancellationToken) =>
        StorageGuard.RunAsync<TableEntity?>(
            $"The table '{table.Name}' could not be read",
            async () =>
            {
                return await table.FindRowAsync(partition, row, cancellationToken);
            },
            cancellationToken);

    private static Task<Written> PutAsync(TableClient table, TableEntity row, string etag, CancellationToken cancellationToken) =>
        StorageGuard.RunAsync<Written>(
            $"The table '{table.Name}' could not be written",
            async () =>
            {
                try
                {
                    if (etag.Length == 0)
                    {
                        return Done(WriteResult.Created, await table.AddEntityAsync(row, cancellationToken));
                    }

                    return Done(WriteResult.Replaced, await table.UpdateEntityAsync(
                        row, new ETag(etag), TableUpdateMode.Replace, cancellationToken));
                }
                catch (RequestFailedException e) when (e.Status is 409 or 412)
                {
                    return new Written(WriteResult.Conflict);
                }
                catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.ResourceNotFound)
                {
                    return new Written(WriteResult.NotFound);
                }
            },
            cancellationToken);

    private static Written Done(WriteResult result, Response answer) =>
        new(result, answer.Headers.ETag?.ToString() ?? throw new RequestFailedException(answer));

    private static Task<WriteResult> DeleteAsync(
        TableClient table, string partition, string row, string etag, CancellationToken cancellationToken) =>
        StorageGuard.RunAsync<WriteResult>(
            $"The table '{table.Name}' could not be written",
            async () =>
            {
                try
                {
                    var answer = await table.DeleteEntityAsync(partition, row, new ETag(etag), cancellationToken);
                    return answer.Status == 404 ? WriteResult.NotFound : WriteResult.Replaced;
                }
                catch (RequestFailedException e) when (e.Status == 412)
                {
                    return WriteResult.Conflict;
                }
                catch (RequestFailedException e) when (e.Status == 404)
                {
                    return WriteResult.NotFound;
                }
            },
            cancellationToken);

    private static Task<ListPage<T>> ListAsync<T>(
        TableClient table, string filter, int top, string? continuation, Func<TableEntity, T> read, CancellationToken cancellationToken) =>
        StorageGuard.RunAsync<ListPage<T>>(
            $"The table '{table.Name}' could not be read",
            async () =>
            {
                await foreach (var page in table.QueryAsync<TableEntity>(filter, top, cancellationToken: cancellationToken)
                    .AsPages(continuation, top))
                {
                    return new ListPage<T>([.. page.Values.Select(read)], page.ContinuationToken);
                }

                return new ListPage<T>([], null);
            },
            cancellationToken);
}
