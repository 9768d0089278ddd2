using System.ComponentModel.DataAnnotations;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Identity;
using Azure.Storage.Blobs;
using MailFunctions.Azure.Accounts;
using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Relay;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Traces;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Stats;
using MailFunctions.Core.Traces;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace MailFunctions.Azure;

/// <summary>Puts the storage adapters behind Core's ports.</summary>
public static class StorageRegistration
{
    /// <summary>Reads `MailStorage` and registers the store, the directory, mailboxes, maildrops and traces.</summary>
    /// <exception cref="ValidationException">Says which key is missing or wrong.</exception>
    public static IServiceCollection AddMailStorage(this IServiceCollection services, IConfiguration configuration) =>
        services.AddMailStorage(StorageOptions.Read(configuration));

    /// <inheritdoc cref="AddMailStorage(IServiceCollection, IConfiguration)"/>
    public static IServiceCollection AddMailStorage(this IServiceCollection services, StorageOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        var outcomes = new StorageOutcomes();
        services.AddSingleton(outcomes);
        services.AddSingleton(CreateBlobClient(options, outcomes));
        services.AddSingleton(CreateTableClient(options, outcomes));
        services.AddSingleton(new ByteBudget(options.UploadBudget, options.UploadWait));
        services.AddSingleton(new ReadAheadBudget(new ByteBudget(options.ReadAheadBudget)));
        services.AddSingleton<IMessageStore, BlobMessageStore>();
        services.AddSingleton<IDirectoryStore, DirectoryTables>();
        services.AddSingleton<IDirectoryReader>(s => s.GetRequiredService<IDirectoryStore>());
        services.AddSingleton<IMailboxDelivery, MailboxTable>();
        services.AddSingleton<IMailboxArchive, MailboxArchive>();
        services.AddSingleton<DueIndex>();
        services.AddSingleton<TableMaildrops>();
        services.AddSingleton<IMaildrops>(s => s.GetRequiredService<TableMaildrops>());
        services.AddSingleton<IOutboundJobs, OutboundTable>();
        services.AddSingleton<ITraceWriter, TraceTable>();
        services.AddSingleton<IReportAllowance, ReportAllowance>();
        services.AddSingleton<ITraceReader, TraceReader>();
        services.AddSingleton<IStatsStore, StatsTable>();
        services.AddSingleton<TlsTable>();
        services.AddSingleton<ITlsCountStore>(s => s.GetRequiredService<TlsTable>());
        services.AddSingleton<IStsPolicyStore>(s => s.GetRequiredService<TlsTable>());
        services.AddSingleton<IAppPasswordUse, AppPasswordUseTable>();
        services.AddSingleton<ISharedKeys, SharedKeyTable>();
        services.AddSingleton<IPasswordProofs, PasswordProofTable>();
        services.AddSingleton<IHousekeepingTask, TraceRetention>();
        services.AddSingleton<IHousekeepingTask, StatsRetention>();
        services.AddSingleton<IHousekeepingTask, AppPasswordUseRetention>();
        services.AddSingleton<IHousekeepingTask, PasswordProofRetention>();
        services.AddSingleton<IHousekeepingTask, TlsRetention>();
        return services;
    }

    internal static BlobServiceClient CreateBlobClient(StorageOptions options, StorageOutcomes? outcomes = null)
    {
        var client = Bound(new BlobClientOptions(), options);
        if (outcomes is not null)
        {
            client.AddPolicy(outcomes.For("blobs"), HttpPipelinePosition.PerCall);
        }

        return options.ConnectionString is { } connection
            ? Parsed(() => new BlobServiceClient(connection, client))
            : new BlobServiceClient(options.BlobServiceUri, new DefaultAzureCredential(), client);
    }

    internal static TableServiceClient CreateTableClient(StorageOptions options, StorageOutcomes? outcomes = null)
    {
        var client = Bound(new TableClientOptions(), options);
        if (outcomes is not null)
        {
            client.AddPolicy(outcomes.For("tables"), HttpPipelinePosition.PerCall);
        }

        return options.ConnectionString is { } connection
            ? Parsed(() => new TableServiceClient(connection, client))
            : new TableServiceClient(options.TableServiceUri, new DefaultAzureCredential(), client);
    }

    /// <summary>A store that is away is told within bounds, and nothing of the traffic reaches a log.</summary>
    internal static T Bound<T>(T client, StorageOptions options)
        where T : ClientOptions
    {
        client.Retry.Mode = RetryMode.Exponential;
        client.Retry.MaxRetries = 2;
        client.Retry.Delay = TimeSpan.FromMilliseconds(200);
        client.Retry.MaxDelay = TimeSpan.FromSeconds(2);
        client.Retry.NetworkTimeout = options.NetworkTimeout;
        client.Diagnostics.IsLoggingEnabled = false;
        client.Diagnostics.IsLoggingContentEnabled = false;
        client.Diagnostics.IsDistributedTracingEnabled = false;
        return client;
    }

    private static T Parsed<T>(Func<T> create)
    {
        try
        {
            return create();
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            throw new ValidationException($"{StorageOptions.Key}: this is not a storage connection string.");
        }
    }
}
