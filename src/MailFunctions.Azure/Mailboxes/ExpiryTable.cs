using System.Globalization;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Storage;

namespace MailFunctions.Azure.Mailboxes;

/// <summary>
/// In which mailboxes something expires, by day: partitions `due:{kind}:{yyyyMMdd}` of `mailboxes`, a row a mailbox, so that
/// housekeeping reads what has expired and nothing else (decision record 0040). A row is written before what it stands for.
/// </summary>
internal sealed class ExpiryTable(TableServiceClient service)
{
    /// <summary>A row is kept until its day has been over for this long: no writer is that late.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromHours(1);

    private const string AddressColumn = "Address";
    private const string MailboxColumn = "MailboxId";
    private const string AtColumn = "At";
    private const string PurgingColumn = "Purging";
    private const string DayFormat = "yyyyMMdd";

    private readonly TableClient _table = service.GetTableClient(MailboxTable.MailboxesName);

    /// <summary>Files a mailbox; doing it again changes nothing but the row's version.</summary>
    public Task NoteAsync(
        ExpiryKind kind, DateTimeOffset day, string mailboxId, string? address, DateTimeOffset? at, CancellationToken cancellationToken) =>
        _table.UpsertEntityAsync(Row(kind, day, mailboxId, address, at), TableUpdateMode.Replace, cancellationToken);

    /// <summary>Gives a row another time, or marks it as being purged; null when it changed since it was read.</summary>
    public async Task<ExpiringMailbox?> ReplaceAsync(
        ExpiringMailbox mailbox, DateTimeOffset? at, bool isPurging, CancellationToken cancellationToken)
    {
        var row = Row(mailbox.Kind, mailbox.Day, mailbox.MailboxId, mailbox.Address, at);
        if (isPurging)
        {
            row[PurgingColumn] = true;
        }

        try
        {
            var answer = await _table.UpdateEntityAsync(row, mailbox.ETag, TableUpdateMode.Replace, cancellationToken);
            return mailbox with { At = at, IsPurging = isPurging, ETag = answer.Headers.ETag ?? throw new RequestFailedException(answer) };
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return null;
        }
    }

    /// <summary>Whether the same mailbox is filed under a later day too.</summary>
    public async Task<bool> IsFiledLaterAsync(ExpiringMailbox mailbox, CancellationToken cancellationToken)
    {
        var (after, row) = (Partition(mailbox.Kind, mailbox.Day), TableKey.Escape(mailbox.MailboxId));
        var filter = TableClient.CreateQueryFilter(
            $"PartitionKey gt {after} and PartitionKey lt {Prefix(mailbox.Kind) + "~"} and RowKey eq {row}");
        await foreach (var _ in _table.QueryAsync<TableEntity>(filter, 1, ["RowKey"], cancellationToken))
        {
            return true;
        }

        return false;
    }

    /// <summary>What is filed of an address, the oldest day first.</summary>
    public IAsyncEnumerable<ExpiringMailbox> ReadAsync(ExpiryKind kind, string address, CancellationToken cancellationToken) =>
        QueryAsync(
            kind,
            TableClient.CreateQueryFilter(
                $"PartitionKey ge {Prefix(kind)} and PartitionKey lt {Prefix(kind) + "~"} and Address eq {address}"),
            cancellationToken);

    private static TableEntity Row(ExpiryKind kind, DateTimeOffset day, string mailboxId, string? address, DateTimeOffset? at)
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
    public IAsyncEnumerable<ExpiringMailbox> ReadAsync(ExpiryKind kind, DateTimeOffset until, CancellationToken cancellationToken) =>
        QueryAsync(
            kind,
            TableClient.CreateQueryFilter($"PartitionKey ge {Prefix(kind)} and PartitionKey le {Partition(kind, until)}"),
            cancellationToken);

    private async IAsyncEnumerable<ExpiringMailbox> QueryAsync(
        ExpiryKind kind, string filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
        {
            var day = DateTime.ParseExact(
                row.PartitionKey[Prefix(kind).Length..],
                DayFormat,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
            yield return new ExpiringMailbox(
                kind,
                day,
                row.GetString(MailboxColumn),
                row.GetString(AddressColumn),
                row.GetDateTimeOffset(AtColumn),
                row.ETag,
                row.GetBoolean(PurgingColumn) is true);
        }
    }

    /// <summary>Removes a row whose day is over; one that was written again since it was read stays.</summary>
    public async Task RemoveAsync(ExpiringMailbox mailbox, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (now < mailbox.Day.AddDays(1) + Settling)
        {
            return;
        }

        try
        {
            await _table.DeleteEntityAsync(
                Partition(mailbox.Kind, mailbox.Day), TableKey.Escape(mailbox.MailboxId), mailbox.ETag, cancellationToken);
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // Another run removed it, or it was written again.
        }
    }

    private static string Prefix(ExpiryKind kind) => kind switch
    {
        ExpiryKind.DeletedMail => "due:deleted:",
        ExpiryKind.DeletedAccount => "due:account:",
        _ => "due:aged:",
    };

    private static string Partition(ExpiryKind kind, DateTimeOffset day) =>
        Prefix(kind) + day.UtcDateTime.ToString(DayFormat, CultureInfo.InvariantCulture);
}
