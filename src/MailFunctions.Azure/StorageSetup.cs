using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Relay;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Traces;

namespace MailFunctions.Azure;

/// <summary>Creates the container and the tables where they are missing. In Azure, Bicep does this.</summary>
public static class StorageSetup
{
    /// <summary>Every table of the design (§3.3).</summary>
    public static IReadOnlyList<string> Tables { get; } =
    [
        DirectoryTable.DomainsName, DirectoryTable.DirectoryName, MailboxTable.MailboxesName, ReferencesTable.TableName,
        OutboundTable.OutboundName, TraceTable.TracesName, StatsTable.StatsName, TlsTable.TlsName,
    ];

    /// <summary>Every blob container of the design (§3.2).</summary>
    public static IReadOnlyList<string> Containers { get; } = [MessageBlobs.ContainerName];

    public static async Task CreateAsync(StorageOptions options, CancellationToken cancellationToken)
    {
        var blobs = StorageClients.CreateBlobs(options);
        var tables = StorageClients.CreateTables(options);
        await StorageGuard.RunAsync(
            "Tables and containers could not be made",
            () => Task.WhenAll(
            [
                .. Containers.Select(c => blobs.GetBlobContainerClient(c).CreateIfNotExistsAsync(cancellationToken: cancellationToken)),
                .. Tables.Select(t => tables.CreateTableIfNotExistsAsync(t, cancellationToken)),
            ]),
            cancellationToken);
    }
}
