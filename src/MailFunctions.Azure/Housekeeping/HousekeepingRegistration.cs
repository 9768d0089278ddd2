using System.ComponentModel.DataAnnotations;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace MailFunctions.Azure.Housekeeping;

/// <summary>Registers the duties that keep mailboxes and blobs tidy, in the order in which one makes work for the next.</summary>
public static class HousekeepingRegistration
{
    /// <summary>Reads `Mailboxes__DeletedRetention`. Storage and bus have to be registered too.</summary>
    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static IServiceCollection AddMailHousekeeping(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(RetentionOptions.Read(configuration));
        services.AddSingleton<BusKnowledge>();
        services.AddSingleton<MailboxPurge>();
        services.AddSingleton(RunLimits.Default);
        services.AddSingleton<LooseBlobs>();
        services.AddSingleton<IUnkeptMail>(s => s.GetRequiredService<LooseBlobs>());
        services.AddSingleton<DeletedAccounts>();
        services.AddSingleton<IMailboxRetirement>(s => s.GetRequiredService<DeletedAccounts>());
        services.AddSingleton<IHousekeepingTask, AgedMail>();
        services.AddSingleton<IHousekeepingTask, DeletedMail>();
        services.AddSingleton<IHousekeepingTask>(s => s.GetRequiredService<DeletedAccounts>());
        services.AddSingleton<IHousekeepingTask>(s => s.GetRequiredService<LooseBlobs>());
        services.AddSingleton<IHousekeepingTask, OrphanBlobs>();
        return services;
    }
}
