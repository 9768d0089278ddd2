using System.Security.Cryptography;
using Azure;
using Azure.Data.Tables;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Accounts;

namespace MailFunctions.Azure.Accounts;

/// <summary>
/// Rows of `stats`, which the edge may write: partition `keys`, row the key's name. Written once, by whichever process needs
/// it first.
/// </summary>
internal sealed class SharedKeyTable(TableServiceClient service) : ISharedKeys
{
    public const string KeysPartition = "keys";

    private const string KeyColumn = "Key";
    private const int KeyOctets = 32;

    private readonly TableClient _table = service.GetTableClient(StatsTable.StatsName);

    public async ValueTask<byte[]> GetAsync(string name, CancellationToken cancellationToken) => await StorageGuard.RunAsync<byte[]>(
        $"The key '{name}' could not be read",
        async () =>
        {
            if (await _table.FindRowAsync(KeysPartition, name, cancellationToken) is { } row)
            {
                return KeyOf(row);
            }

            var made = new TableEntity(KeysPartition, name) { [KeyColumn] = RandomNumberGenerator.GetBytes(KeyOctets) };
            try
            {
                await _table.AddEntityAsync(made, cancellationToken);
                return KeyOf(made);
            }
            catch (RequestFailedException e) when (e.Status == 409)
            {
                // Another process's, or our own write whose answer was lost: the row is the key.
                return KeyOf(await _table.GetEntityAsync<TableEntity>(KeysPartition, name, cancellationToken: cancellationToken)
                    );
            }
        },
        cancellationToken);

    private static byte[] KeyOf(TableEntity row) => row.GetBinary(KeyColumn);
}
