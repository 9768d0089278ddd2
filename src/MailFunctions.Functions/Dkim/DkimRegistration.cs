using System.ComponentModel.DataAnnotations;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using MailFunctions.Core.Housekeeping;

namespace MailFunctions.Functions.Dkim;

/// <summary>Puts signing and its keys together.</summary>
internal static class DkimRegistration
{
    /// <summary>Reads the section `Dkim`.</summary>
    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static IServiceCollection AddDkim(this IServiceCollection services, IConfiguration configuration) =>
        services.AddDkim(DkimOptions.Read(configuration).CreateStore());

    /// <param name="store">Null: nothing is signed.</param>
    public static IServiceCollection AddDkim(this IServiceCollection services, IDkimKeyStore? store)
    {
        services.AddSingleton(s => new DkimKeyring(
            s.GetRequiredService<IDirectoryStore>(),
            store,
            s.GetRequiredService<TimeProvider>(),
            s.GetRequiredService<ILogger<DkimKeyring>>()));
        services.AddSingleton<SigningDomains>();
        services.AddSingleton<MessageSigner>();
        services.AddSingleton<IHousekeepingTask, RetiredSelectors>();
        return services;
    }
}
