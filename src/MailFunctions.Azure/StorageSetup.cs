using Azure;
using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Relay;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Traces;

namespace MailFunctions.Azure;

/// <summary>Creates the container and the tables where they are missing. In Azure, Bicep does this.</summary>
public static class StorageSetup
{
    /// <summary>Every table of the design (§3.3).</summary>
    public static IReadOnlyList<string> Tables { get; } =
    [
        DirectoryTables.DomainsName, DirectoryTables.DirectoryName, MailboxTable.MailboxesName, MailboxTable.ReferencesName,
        OutboundTable.OutboundName, TraceTable.TracesName, "stats", TlsTable.TlsName,
    ];

    /// <summary>Every blob container of the design (§3.2).</summary>
    public static IReadOnlyList<string> Containers { get; } = [BlobMessageStore.ContainerName];

    public static async Task CreateAsync(StorageOptions options, CancellationToken cancellationToken)
    {
        var blobs = StorageRegistration.CreateBlobClient(options);
        var tables = StorageRegistration.CreateTableClient(options);
        try
        {
            await Task.WhenAll(
            [
                .. Containers.Select(c => blobs.GetBlobContainerClient(c).CreateIfNotExistsAsync(cancellationToken: cancellationToken)),
                .. Tables.Select(t => tables.CreateTableIfNotExistsAsync(t, cancellationToken)),
            ]);
        }
        catch (Exception e) when (StorageFault.IsTrouble(e, cancellationToken))
        {
            throw StorageFault.Wrap("Tables and containers could not be made", e);
        }
    }
}
