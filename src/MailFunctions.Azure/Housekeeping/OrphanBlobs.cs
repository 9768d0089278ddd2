using System.Globalization;
using Azure;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Traces;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Traces;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>
/// Removes blobs that the edge wrote and could never announce: two days old, in no mailbox, without a trace, and not in
/// the bus. Goes through the container once, a day's folder after the other, and remembers where it was.
/// </summary>
internal sealed class OrphanBlobs(
    BlobServiceClient blobs, TableServiceClient tables, IMessageStore store, ReferencesTable references,
    UndeliveredMail undelivered, RunLimits limits, TimeProvider time)
    : IHousekeepingTask
{
    /// <summary>A day's blobs are looked at when the day has been over for this long.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromDays(2);

    private const int PageSize = 500;
    private const int CheckedAtOnce = 8;
    private const string CursorPartition = "sweep";
    private const string CursorRow = "orphans";
    private const string DayColumn = "Day";
    private const string ContinuationColumn = "Continuation";
    private const string FolderFormat = "yyyy'/'MM'/'dd'/'";

    private readonly BlobContainerClient _container = blobs.GetBlobContainerClient(MessageBlobs.ContainerName);
    private readonly TableClient _cursors = tables.GetTableClient(ReferencesTable.TableName);
    private readonly TableClient _traces = tables.GetTableClient(TraceTable.TracesName);

    public string Name => "orphan blobs";

    public Task<int> RunAsync(CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "Orphan blobs could not be removed",
        async () =>
        {
            var bounds = new RunBounds(limits, time);
            try
            {
                await SweepAsync(bounds, cancellationToken);
            }
            catch (RequestFailedException e) when (e.Status is 409 or 412)
            {
                // Another run goes through the same folders.
            }

            return bounds.Done;
        },
        cancellationToken);

    private async Task SweepAsync(RunBounds bounds, CancellationToken cancellationToken)
    {
        IReadOnlySet<string>? inBus = null;
        var cursor = await ReadCursorAsync(cancellationToken);
        while (cursor is not null && !bounds.AreReached)
        {
            var day = cursor.GetDateTimeOffset(DayColumn)!.Value;
            if (day.AddDays(1) + Age > time.GetUtcNow())
            {
                return;
            }

            inBus ??= await undelivered.ReadAsync(cancellationToken);
            if (inBus is null)
            {
                return;
            }

            var next = await SweepPageAsync(day, cursor.GetString(ContinuationColumn), inBus, bounds, cancellationToken);
            cursor[DayColumn] = next is null ? day.AddDays(1) : day;
            cursor[ContinuationColumn] = next ?? "";
            cursor = await WriteCursorAsync(cursor, cancellationToken);
        }
    }

    /// <summary>The continuation within the day, or null at its end.</summary>
    private async Task<string?> SweepPageAsync(
        DateTimeOffset day, string? continuation, IReadOnlySet<string> inBus, RunBounds bounds, CancellationToken cancellationToken)
    {
        var folder = day.UtcDateTime.ToString(FolderFormat, CultureInfo.InvariantCulture);
        var pages = _container.GetBlobsAsync(new GetBlobsOptions { Prefix = folder }, cancellationToken)
            .AsPages(string.IsNullOrEmpty(continuation) ? null : continuation, PageSize);
        await foreach (var page in pages)
        {
            var removed = 0;
            await Parallel.ForEachAsync(
                page.Values.Select(b => b.Name),
                new ParallelOptions { MaxDegreeOfParallelism = CheckedAtOnce, CancellationToken = cancellationToken },
                async (blob, token) =>
                {
                    if (await RemoveIfOrphanAsync(blob, folder, inBus, token))
                    {
                        Interlocked.Increment(ref removed);
                    }
                });
            bounds.Did(removed);
            return string.IsNullOrEmpty(page.ContinuationToken) ? null : page.ContinuationToken;
        }

        return null;
    }

    private async ValueTask<bool> RemoveIfOrphanAsync(
        string blob, string folder, IReadOnlySet<string> inBus, CancellationToken cancellationToken)
    {
        var messageId = Path.GetFileNameWithoutExtension(blob[folder.Length..]);
        if (inBus.Contains(messageId))
        {
            // Held for later, or dead-lettered: the sweep does not return to this day, so it is noted.
            await references.NoteAsync(messageId, blob, cancellationToken);
            return false;
        }

        return !await references.AnyAsync(messageId, cancellationToken)
            && !await HasTraceAsync(messageId, cancellationToken)
            && await store.DeleteAsync(blob, cancellationToken);
    }

    /// <summary>The message was announced: the edge traces what it refused, too.</summary>
    private async Task<bool> HasTraceAsync(string messageId, CancellationToken cancellationToken)
    {
        var partition = TableKey.Escape(messageId);
        await foreach (var _ in _traces.QueryAsync<TableEntity>(
            TableClient.CreateQueryFilter($"PartitionKey eq {partition} and Kind ne {TraceKind.Refused}"),
            1,
            ["RowKey"],
            cancellationToken))
        {
            return true;
        }

        return false;
    }

    /// <summary>Where the last run was; at first the day of the oldest blob, and null when there is none.</summary>
    private async Task<TableEntity?> ReadCursorAsync(CancellationToken cancellationToken)
    {
        if (await _cursors.FindRowAsync(CursorPartition, CursorRow, cancellationToken) is { } cursor)
        {
            return cursor;
        }

        await foreach (var page in _container.GetBlobsAsync(new GetBlobsOptions(), cancellationToken).AsPages(null, 1))
        {
            if (page.Values is [{ Name: { Length: > 11 } first }, ..]
                && DateTime.TryParseExact(
                    first[..11],
                    FolderFormat,
                    CultureInfo.InvariantCulture,
                    DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
                    out var day))
            {
                return new TableEntity(CursorPartition, CursorRow) { [DayColumn] = new DateTimeOffset(day, TimeSpan.Zero) };
            }

            break;
        }

        return null;
    }

    private async Task<TableEntity> WriteCursorAsync(TableEntity cursor, CancellationToken cancellationToken)
    {
        var answer = cursor.ETag == default
            ? await _cursors.AddEntityAsync(cursor, cancellationToken)
            : await _cursors.UpdateEntityAsync(cursor, cursor.ETag, TableUpdateMode.Replace, cancellationToken);
        cursor.ETag = answer.Headers.ETag ?? throw new RequestFailedException(answer);
        return cursor;
    }
}
