using System.Globalization;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Storage;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>What will be due in a mailbox: the word in the partition's key.</summary>
internal enum DueKind
{
    /// <summary>`del:` rows, filed by the day of their deletion.</summary>
    Deleted,

    /// <summary>All mail of an account that was deleted, filed by that day.</summary>
    Account,

    /// <summary>Messages that were fetched, filed by the day from which they may go.</summary>
    Aged,
}

/// <summary>One mailbox that has something due.</summary>
/// <param name="Day">UTC midnight of the day under which it is filed.</param>
/// <param name="Address">The account, where the kind needs it.</param>
/// <param name="IsPurging">The purge has begun: there is no way back.</param>
internal sealed record DueMailbox(DueKind Kind, DateTimeOffset Day, string MailboxId, string? Address, DateTimeOffset? At, ETag ETag, bool IsPurging);

/// <summary>
/// Which mailboxes have something due, by day: partitions `due:{kind}:{yyyyMMdd}` of `mailboxes`, a row a mailbox, so that
/// housekeeping reads what is due and nothing else (decision record 0040). A row is written before what it stands for.
/// </summary>
internal sealed class DueIndex(TableServiceClient service)
{
    /// <summary>A day's row is not removed before its day has been over for this long: no writer is that late.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromHours(1);

    private const string AddressColumn = "Address";
    private const string MailboxColumn = "MailboxId";
    private const string AtColumn = "At";
    private const string PurgingColumn = "Purging";
    private const string DayFormat = "yyyyMMdd";

    private readonly TableClient _table = service.GetTableClient(MailboxTable.MailboxesName);

    /// <summary>Files a mailbox; doing it again changes nothing but the row's version.</summary>
    public Task NoteAsync(DueKind kind, DateTimeOffset day, string mailboxId, string? address, DateTimeOffset? at, CancellationToken cancellationToken) =>
        _table.UpsertEntityAsync(Row(kind, day, mailboxId, address, at), TableUpdateMode.Replace, cancellationToken);

    /// <summary>Gives a row another time, or marks it as being purged; null when it is not the one that was read any more.</summary>
    public async Task<DueMailbox?> ReplaceAsync(DueMailbox due, DateTimeOffset? at, bool isPurging, CancellationToken cancellationToken)
    {
        var row = Row(due.Kind, due.Day, due.MailboxId, due.Address, at);
        if (isPurging)
        {
            row[PurgingColumn] = true;
        }

        try
        {
            var answer = await _table.UpdateEntityAsync(row, due.ETag, TableUpdateMode.Replace, cancellationToken);
            return due with { At = at, IsPurging = isPurging, ETag = answer.Headers.ETag ?? throw new RequestFailedException(answer) };
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return null;
        }
    }

    /// <summary>Whether the same mailbox is filed under a later day too.</summary>
    public async Task<bool> IsFiledLaterAsync(DueMailbox due, CancellationToken cancellationToken)
    {
        var (after, row) = (Partition(due.Kind, due.Day), TableKey.Escape(due.MailboxId));
        var filter = TableClient.CreateQueryFilter($"PartitionKey gt {after} and PartitionKey lt {Prefix(due.Kind) + "~"} and RowKey eq {row}");
        await foreach (var _ in _table.QueryAsync<TableEntity>(filter, 1, ["RowKey"], cancellationToken))
        {
            return true;
        }

        return false;
    }

    /// <summary>What is filed of an address, the oldest day first.</summary>
    public IAsyncEnumerable<DueMailbox> ReadAsync(DueKind kind, string address, CancellationToken cancellationToken) =>
        QueryAsync(kind, TableClient.CreateQueryFilter($"PartitionKey ge {Prefix(kind)} and PartitionKey lt {Prefix(kind) + "~"} and Address eq {address}"), cancellationToken);

    private static TableEntity Row(DueKind kind, DateTimeOffset day, string mailboxId, string? address, DateTimeOffset? at)
    {
        var row = new TableEntity(Partition(kind, day), TableKey.Escape(mailboxId)) { [MailboxColumn] = mailboxId };
        if (address is not null)
        {
            row[AddressColumn] = address;
        }

        if (at is not null)
        {
            row[AtColumn] = at;
        }

        return row;
    }

    /// <summary>The mailboxes filed under a day that is not after <paramref name="until"/>, the oldest first.</summary>
    public IAsyncEnumerable<DueMailbox> ReadAsync(DueKind kind, DateTimeOffset until, CancellationToken cancellationToken) =>
        QueryAsync(kind, TableClient.CreateQueryFilter($"PartitionKey ge {Prefix(kind)} and PartitionKey le {Partition(kind, until)}"), cancellationToken);

    private async IAsyncEnumerable<DueMailbox> QueryAsync(DueKind kind, string filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
        {
            var day = DateTime.ParseExact(row.PartitionKey[Prefix(kind).Length..], DayFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
            yield return new DueMailbox(
                kind, day, row.GetString(MailboxColumn), row.GetString(AddressColumn), row.GetDateTimeOffset(AtColumn), row.ETag, row.GetBoolean(PurgingColumn) is true);
        }
    }

    /// <summary>Strikes a row off when its day is over for good; one that was written again meanwhile stays.</summary>
    public async Task RemoveAsync(DueMailbox due, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (now < due.Day.AddDays(1) + Settling)
        {
            return;
        }

        try
        {
            await _table.DeleteEntityAsync(Partition(due.Kind, due.Day), TableKey.Escape(due.MailboxId), due.ETag, cancellationToken);
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // Another run was here, or there is more to do.
        }
    }

    private static string Prefix(DueKind kind) => kind switch
    {
        DueKind.Deleted => "due:deleted:",
        DueKind.Account => "due:account:",
        _ => "due:aged:",
    };

    private static string Partition(DueKind kind, DateTimeOffset day) =>
        Prefix(kind) + day.UtcDateTime.ToString(DayFormat, CultureInfo.InvariantCulture);
}
