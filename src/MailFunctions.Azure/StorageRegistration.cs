using System.ComponentModel.DataAnnotations;
using MailFunctions.Azure.Accounts;
using MailFunctions.Azure.Directory;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Azure.Maildrops;
using MailFunctions.Azure.Messages;
using MailFunctions.Azure.Relay;
using MailFunctions.Azure.Stats;
using MailFunctions.Azure.Storage;
using MailFunctions.Azure.Traces;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Directory;
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
        services.AddSingleton(StorageClients.CreateBlobs(options, outcomes));
        services.AddSingleton(StorageClients.CreateTables(options, outcomes));
        services.AddSingleton(new ByteBudget(options.UploadBudget, options.UploadWait));
        services.AddSingleton(new ReadAheadBudget(new ByteBudget(options.ReadAheadBudget)));
        services.AddSingleton<IMessageStore, MessageBlobs>();
        services.AddSingleton<IDirectoryStore, DirectoryTable>();
        services.AddSingleton<IDirectoryReader>(s => s.GetRequiredService<IDirectoryStore>());
        services.AddSingleton<IMailboxDelivery, MailboxTable>();
        services.AddSingleton<IMailboxArchive, MailboxArchiveTable>();
        services.AddSingleton<ExpiryTable>();
        services.AddSingleton<ReferencesTable>();
        services.AddSingleton<IUnreferencedBlobs>(s => s.GetRequiredService<ReferencesTable>());
        services.AddSingleton<MaildropTable>();
        services.AddSingleton<IMaildrops>(s => s.GetRequiredService<MaildropTable>());
        services.AddSingleton<IOutboundJobs, OutboundTable>();
        services.AddSingleton<TraceTable>();
        services.AddSingleton<ITraceWriter>(s => s.GetRequiredService<TraceTable>());
        services.AddSingleton<IReportAllowance, ReportAllowanceTable>();
        services.AddSingleton<ITraceReader>(s => s.GetRequiredService<TraceTable>());
        services.AddSingleton<IStatsStore, StatsTable>();
        services.AddSingleton<TlsTable>();
        services.AddSingleton<ITlsCountStore>(s => s.GetRequiredService<TlsTable>());
        services.AddSingleton<IStsPolicyStore>(s => s.GetRequiredService<TlsTable>());
        services.AddSingleton<IAppPasswordUse, AppPasswordUseTable>();
        services.AddSingleton<ISharedKeys, SharedKeyTable>();
        services.AddSingleton<IPasswordProofs, PasswordProofTable>();
        return services;
    }
}
