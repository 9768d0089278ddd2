using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Storage;

namespace MailFunctions.Azure.Relay;

/// <summary>The table `outbound`, and the rows of `references` that keep the blobs of its jobs.</summary>
internal sealed class OutboundTable(TableServiceClient service, ReferencesTable references) : IOutboundJobs
{
    public const string OutboundName = "outbound";

    /// <summary>By the present word, or by the one in rows of a release before.</summary>
    private static readonly string Reporting =
        TableClient.CreateQueryFilter($"State eq {JobState.Reporting} or State eq {JobState.FormerReporting}");

    private readonly TableClient _jobs = service.GetTableClient(OutboundName);

    public Task<OutboundJob?> FindAsync(string domain, string id, CancellationToken cancellationToken) => ReadAsync(
        async () => await _jobs.FindRowAsync(TableKey.Escape(domain), id, cancellationToken) is { } row ? OutboundRow.ToJob(row) : null,
        cancellationToken);

    public Task<OutboundJob?> FindAsync(string id, CancellationToken cancellationToken) => ReadAsync(
        async () =>
        {
            await foreach (var row in _jobs.QueryAsync<TableEntity>(
                TableClient.CreateQueryFilter($"RowKey eq {id}"), 1, cancellationToken: cancellationToken))
            {
                return OutboundRow.ToJob(row);
            }

            return null;
        },
        cancellationToken);

    public Task<OutboundJob?> PutAsync(OutboundJob job, CancellationToken cancellationToken) => StorageGuard.RunAsync<OutboundJob?>(
        "The outbound job could not be written",
        async () =>
        {
            try
            {
                Response answer;
                if (job.ETag.Length == 0)
                {
                    // The reference comes first: a blob that a job needs is never taken for an unreferenced one.
                    await references.AddAsync(job.MessageId, Holder(job), cancellationToken);
                    answer = await _jobs.AddEntityAsync(OutboundRow.From(job), cancellationToken);
                }
                else
                {
                    answer = await _jobs.UpdateEntityAsync(
                        OutboundRow.From(job), new ETag(job.ETag), TableUpdateMode.Replace, cancellationToken);
                }

                return job with { ETag = answer.Headers.ETag?.ToString() ?? throw new RequestFailedException(answer) };
            }
            catch (RequestFailedException e) when (e.Status == 412)
            {
                return await FindOwnAsync(job, cancellationToken);
            }
            catch (RequestFailedException e) when (e.Status == 409 || (e.Status == 404 && job.ETag.Length > 0))
            {
                return null;
            }
        },
        cancellationToken);

    /// <summary>
    /// The row, if it is what was to be written: the first try was done and its answer lost, and the second came too late.
    /// </summary>
    private Task<OutboundJob?> FindOwnAsync(OutboundJob job, CancellationToken cancellationToken) => ReadAsync(
        async () => await _jobs.FindRowAsync(TableKey.Escape(job.Domain), job.Id, cancellationToken) is { } row
            && OutboundRow.From(job).All(column => Equals(column.Value, row.TryGetValue(column.Key, out var found) ? found : null))
                ? job with { ETag = row.ETag.ToString() }
                : null,
        cancellationToken);

    public async Task ReleaseBlobAsync(OutboundJob job, CancellationToken cancellationToken)
    {
        // In this order, and again when it is cut off in between: a note that finds a reference is thrown away.
        await references.RemoveAsync(job.MessageId, Holder(job), cancellationToken);
        await references.NoteAsync(job.MessageId, job.Blob, cancellationToken);
    }

    public Task RemoveAsync(OutboundJob job, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The outbound job could not be removed",
        async () =>
        {
            try
            {
                await _jobs.DeleteEntityAsync(TableKey.Escape(job.Domain), job.Id, new ETag(job.ETag), cancellationToken);
            }
            catch (RequestFailedException e) when (e.Status is 404 or 412)
            {
                // Gone, or at work again.
            }
        },
        cancellationToken);

    public Task<ListPage<OutboundJob>> ListAsync(
        string? domain, string? state, int top, string? continuation, CancellationToken cancellationToken)
    {
        var filter = JobState.Current(state) switch
        {
            null => TableClient.CreateQueryFilter($"State ne {JobState.Done}"),
            JobState.Reporting => $"({Reporting})",
            var asked => TableClient.CreateQueryFilter($"State eq {asked}"),
        };
        if (domain is not null)
        {
            filter = $"{TableClient.CreateQueryFilter($"PartitionKey eq {TableKey.Escape(domain)}")} and {filter}";
        }

        return ReadAsync(
            async () =>
            {
                await foreach (var page in _jobs.QueryAsync<TableEntity>(filter, top, cancellationToken: cancellationToken)
                    .AsPages(continuation, top))
                {
                    return new ListPage<OutboundJob>([.. page.Values.Select(OutboundRow.ToJob)], page.ContinuationToken);
                }

                return new ListPage<OutboundJob>([], null);
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<OutboundJob>> ListOverdueAsync(DateTimeOffset dueBefore, int top, CancellationToken cancellationToken) =>
        ListAsync(
        TableClient.CreateQueryFilter($"(State eq {JobState.Queued} or ") + Reporting
            + TableClient.CreateQueryFilter($") and NextAttempt lt {dueBefore}"),
        top,
        cancellationToken);

    public Task<IReadOnlyList<OutboundJob>> ListDoneAsync(DateTimeOffset doneBefore, int top, CancellationToken cancellationToken) =>
        ListAsync(
        TableClient.CreateQueryFilter($"State eq {JobState.Done} and ChangedAt lt {doneBefore}"), top, cancellationToken);

    private Task<IReadOnlyList<OutboundJob>> ListAsync(string filter, int top, CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<OutboundJob>>(
        async () =>
        {
            var found = new List<OutboundJob>();
            await foreach (var row in _jobs.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
            {
                found.Add(OutboundRow.ToJob(row));
                if (found.Count == top)
                {
                    break;
                }
            }

            return found;
        },
        cancellationToken);

    private static string Holder(OutboundJob job) => "job:" + job.Id;

    private static Task<T> ReadAsync<T>(Func<Task<T>> read, CancellationToken cancellationToken) => StorageGuard.RunAsync<T>(
        "The outbound jobs could not be read",
        async () =>
        {
            return await read();
        },
        cancellationToken);
}
