using System.ComponentModel.DataAnnotations;
using MailFunctions.Azure.Mailboxes;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Mailboxes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Registers the housekeeping tasks, in the order in which one makes work for the next.</summary>
public static class HousekeepingRegistration
{
    /// <summary>Reads `Mailboxes__DeletedRetention`. Storage and bus have to be registered too.</summary>
    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static IServiceCollection AddMailHousekeeping(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(RetentionOptions.Read(configuration));
        services.AddSingleton<UndeliveredMail>();
        services.AddSingleton<MailboxPurge>();
        services.AddSingleton(RunLimits.Default);
        services.AddSingleton<IMailboxRetirement, RetiredMailboxes>();
        services.AddSingleton<IHousekeepingTask, TraceRetention>();
        services.AddSingleton<IHousekeepingTask, StatsRetention>();
        services.AddSingleton<IHousekeepingTask, AppPasswordUseRetention>();
        services.AddSingleton<IHousekeepingTask, PasswordProofRetention>();
        services.AddSingleton<IHousekeepingTask, TlsRetention>();
        services.AddSingleton<IHousekeepingTask, ExpiredMail>();
        services.AddSingleton<IHousekeepingTask, DeletedMail>();
        services.AddSingleton<IHousekeepingTask, DeletedAccounts>();
        services.AddSingleton<IHousekeepingTask, UnreferencedBlobs>();
        services.AddSingleton<IHousekeepingTask, OrphanBlobs>();
        return services;
    }
}
