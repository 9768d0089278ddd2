using System.ComponentModel.DataAnnotations;
using MailFunctions.Core.Bus;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Puts Service Bus behind Core's ports.</summary>
public static class BusRegistration
{
    /// <summary>Reads `ServiceBusConnection` and registers sender, monitor, dead letters and inventory.</summary>
    /// <exception cref="ValidationException">Says which key is missing or wrong.</exception>
    public static IServiceCollection AddMailBus(this IServiceCollection services, IConfiguration configuration) =>
        services.AddMailBus(BusOptions.Read(configuration));

    /// <inheritdoc cref="AddMailBus(IServiceCollection, IConfiguration)"/>
    public static IServiceCollection AddMailBus(this IServiceCollection services, BusOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<BusAccess>();
        services.AddSingleton<IBusSender, BusSender>();
        services.AddSingleton<IBusMonitor, BusMonitor>();
        services.AddSingleton<IDeadLetters, BusDeadLetters>();
        services.AddSingleton<IBusInventory, BusInventory>();
        return services;
    }
}
