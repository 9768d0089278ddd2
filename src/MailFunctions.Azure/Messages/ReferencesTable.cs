using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Messages;

namespace MailFunctions.Azure.Messages;

/// <summary>A blob that may have no reference, or a mailbox's reference that is to go.</summary>
/// <param name="MailboxId">The mailbox whose reference goes; null: there should be none at all.</param>
/// <param name="Uid">The message's `del:` row in that mailbox, which goes before; 0 when it was never delivered.</param>
internal sealed record UnreferencedBlob(string MessageId, string Blob, string? MailboxId = null, uint Uid = 0)
{
    public ETag ETag { get; init; }
}

/// <summary>
/// The table `references`: a partition a message, a row for each mailbox and relay job that needs its blob. Rows of the
/// partition `loose` name blobs that may need none any more; they are written before a message leaves its mailbox, so that a
/// run of housekeeping that is cut off is finished by the next.
/// </summary>
internal sealed class ReferencesTable(TableServiceClient service) : IUnreferencedBlobs
{
    public const string TableName = "references";

    private const string UnreferencedPartition = "loose";
    private const string MessageColumn = "MessageId";
    private const string BlobColumn = "Blob";
    private const string MailboxColumn = "MailboxId";
    private const string UidColumn = "Uid";

    private readonly TableClient _table = service.GetTableClient(TableName);

    /// <param name="holder">A mailbox id, or `job:` and a relay job's id.</param>
    public Task AddAsync(string messageId, string holder, CancellationToken cancellationToken) =>
        WriteAsync(new TableEntity(TableKey.Escape(messageId), TableKey.Escape(holder)), cancellationToken);

    /// <inheritdoc cref="AddAsync"/>
    public Task RemoveAsync(string messageId, string holder, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The message's reference could not be removed",
        () => _table.DeleteEntityAsync(TableKey.Escape(messageId), TableKey.Escape(holder), cancellationToken: cancellationToken),
        cancellationToken);

    /// <summary>A mailbox or a relay job needs the message's blob.</summary>
    public async Task<bool> AnyAsync(string messageId, CancellationToken cancellationToken)
    {
        var partition = TableKey.Escape(messageId);
        var rows = _table.QueryAsync<TableEntity>(
            TableClient.CreateQueryFilter($"PartitionKey eq {partition}"), 1, ["RowKey"], cancellationToken);
        await foreach (var _ in rows.Guarded("The message's references could not be read", cancellationToken))
        {
            return true;
        }

        return false;
    }

    public Task NoteAsync(string messageId, string blob, CancellationToken cancellationToken) =>
        NoteAsync(new UnreferencedBlob(messageId, blob), cancellationToken);

    public Task NoteAsync(UnreferencedBlob blob, CancellationToken cancellationToken) => WriteAsync(Row(blob), cancellationToken);

    /// <summary>Notes several, 100 at most, in one transaction.</summary>
    public Task NoteAsync(IEnumerable<UnreferencedBlob> blobs, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The message's reference could not be written",
        () => _table.SubmitTransactionAsync(
            blobs.Select(b => new TableTransactionAction(TableTransactionActionType.UpsertReplace, Row(b))), cancellationToken),
        cancellationToken);

    /// <summary>All that were noted.</summary>
    public async IAsyncEnumerable<UnreferencedBlob> ListUnreferencedAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var rows = _table.QueryAsync<TableEntity>(
            TableClient.CreateQueryFilter($"PartitionKey eq {UnreferencedPartition}"), cancellationToken: cancellationToken);
        await foreach (var row in rows.Guarded("The unreferenced blobs could not be read", cancellationToken))
        {
            yield return new UnreferencedBlob(
                row.GetString(MessageColumn), row.GetString(BlobColumn), row.GetString(MailboxColumn), (uint)(row.GetInt64(UidColumn) ?? 0))
            {
                ETag = row.ETag,
            };
        }
    }

    /// <summary>Removes a note, unless it was written again after it was read: the message is about to leave once more.</summary>
    public Task SettleAsync(UnreferencedBlob blob, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The note of an unreferenced blob could not be removed",
        async () =>
        {
            try
            {
                var row = Row(blob);
                await _table.DeleteEntityAsync(row.PartitionKey, row.RowKey, blob.ETag, cancellationToken);
            }
            catch (RequestFailedException e) when (e.Status == 412)
            {
                // The next run looks at it.
            }
        },
        cancellationToken);

    private Task<Response> WriteAsync(TableEntity row, CancellationToken cancellationToken) => StorageGuard.RunAsync(
        "The message's reference could not be written",
        () => _table.UpsertEntityAsync(row, TableUpdateMode.Replace, cancellationToken),
        cancellationToken);

    private static TableEntity Row(UnreferencedBlob blob)
    {
        var row = new TableEntity(UnreferencedPartition, TableKey.Escape(blob.MessageId) + ":" + TableKey.Escape(blob.MailboxId ?? ""))
        {
            [MessageColumn] = blob.MessageId,
            [BlobColumn] = blob.Blob,
        };
        if (blob.MailboxId is not null)
        {
            row[MailboxColumn] = blob.MailboxId;
            row[UidColumn] = (long)blob.Uid;
        }

        return row;
    }
}
