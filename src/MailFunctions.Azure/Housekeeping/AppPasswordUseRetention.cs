using Azure.Data.Tables;
using MailFunctions.Azure.Accounts;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>
/// Removes the notes of when app passwords were used that are revoked, or whose account is gone. Goes through the accounts
/// that have any, some a run, and remembers where it was.
/// </summary>
internal sealed class AppPasswordUseRetention(TableServiceClient service, IDirectoryStore directory, TimeProvider time) : IHousekeepingTask
{
    /// <summary>Accounts that one run looks at, one point read each.</summary>
    public const int MaxAccounts = 1000;

    /// <summary>Younger notes wait: an edge may know a password for a while longer than the directory does.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromHours(1);

    private const string CursorPartition = "sweep";
    private const string CursorRow = "used";
    private const string AfterColumn = "After";

    private readonly TableClient _table = service.GetTableClient(StatsTable.StatsName);

    public string Name => "uses of app passwords";

    public Task<int> RunAsync(CancellationToken cancellationToken) => StorageGuard.RunAsync<int>(
        "The uses of app passwords could not be tidied",
        async () =>
        {
            var cursor = await _table.FindRowAsync(CursorPartition, CursorRow, cancellationToken);
            var (removed, after) = await SweepAsync(
                cursor?.GetString(AfterColumn) ?? AppPasswordUseTable.PartitionPrefix, cancellationToken);
            await _table.UpsertEntityAsync(
                new TableEntity(CursorPartition, CursorRow) { [AfterColumn] = after }, TableUpdateMode.Replace, cancellationToken);
            return removed;
        },
        cancellationToken);

    /// <summary>How many notes are gone, and the partition it came to; at the end the beginning.</summary>
    private async Task<(int Removed, string After)> SweepAsync(string after, CancellationToken cancellationToken)
    {
        var filter = TableClient.CreateQueryFilter(
            $"PartitionKey gt {after} and PartitionKey lt {AppPasswordUseTable.AfterPartitions} and At lt {time.GetUtcNow() - Settling}");
        var (removed, accounts) = (0, 0);
        await foreach (var page in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken).AsPages())
        {
            // A partition has 25 rows or so and may go on in the next page: looking at it twice does no harm.
            foreach (var notes in page.Values.GroupBy(r => r.PartitionKey))
            {
                if (accounts++ == MaxAccounts)
                {
                    return (removed, after);
                }

                var useless = await UselessAsync([.. notes], cancellationToken);
                removed += await RowRemoval.RemoveAsync(_table, useless, cancellationToken);
                after = notes.Key;
            }
        }

        return (removed, AppPasswordUseTable.PartitionPrefix);
    }

    private async Task<IEnumerable<TableEntity>> UselessAsync(List<TableEntity> notes, CancellationToken cancellationToken)
    {
        // Without an address their account is not known; the next use writes them anew.
        if (EmailAddress.Parse(notes[0].GetString(AppPasswordUseTable.AddressColumn)) is not { } address
            || await directory.FindEntryAsync(address, cancellationToken) is not AccountEntry account
            || account.MailboxId != notes[0].GetString(AppPasswordUseTable.MailboxColumn))
        {
            return notes;
        }

        var known = account.AppPasswords.Select(p => TableKey.Escape(p.Id)).ToHashSet();
        return notes.Where(n => !known.Contains(n.RowKey));
    }
}
