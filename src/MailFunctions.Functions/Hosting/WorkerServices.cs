using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace MailFunctions.Functions.Hosting;

/// <summary>Removes what the worker's ASP.NET Core integration adds and this app does not use.</summary>
internal static class WorkerServices
{
    /// <summary>
    /// The integration adds MVC, which adds Data Protection, which creates a key ring at the start and writes it under
    /// HOME. Nothing here is protected by it.
    /// </summary>
    public static void KeepOutDataProtection(this IServiceCollection services)
    {
        var own = typeof(IDataProtectionBuilder).Assembly;
        foreach (var service in services.Where(s => s.ServiceType == typeof(IHostedService) && s.ImplementationType?.Assembly == own)
            .ToList())
        {
            services.Remove(service);
        }

        services.Replace(ServiceDescriptor.Singleton<IDataProtectionProvider, EphemeralDataProtectionProvider>());
    }
}
