using System.ComponentModel.DataAnnotations;
using MailFunctions.Core.Bus;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Puts Service Bus behind Core's ports.</summary>
public static class BusRegistration
{
    /// <summary>Reads `ServiceBusConnection` and registers sender, receivers and monitor.</summary>
    /// <exception cref="ValidationException">Says which key is missing or wrong.</exception>
    public static IServiceCollection AddMailBus(this IServiceCollection services, IConfiguration configuration) =>
        services.AddMailBus(BusOptions.Read(configuration));

    /// <inheritdoc cref="AddMailBus(IServiceCollection, IConfiguration)"/>
    public static IServiceCollection AddMailBus(this IServiceCollection services, BusOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(s => new BusClient(options, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IBusSender, ServiceBusSender>();
        services.AddSingleton<IBusReceiverFactory, ServiceBusReceivers>();
        services.AddSingleton<IBusMonitor>(s => new ServiceBusMonitor(s.GetRequiredService<BusClient>(), ServiceBusMonitor.CreateHttpClient()));
        services.AddSingleton<IBusInventory, ServiceBusInventory>();
        return services;
    }

    /// <summary>Receivers for one connection string: for a host that has several.</summary>
    /// <exception cref="ValidationException">Says what is wrong with it.</exception>
    public static IBusReceiverFactory CreateReceivers(string connectionString) =>
        new ServiceBusReceivers(new BusClient(BusOptions.Parse(connectionString), TimeProvider.System));

    private sealed class ServiceBusReceivers(BusClient client) : IBusReceiverFactory
    {
        public IBusReceiver OpenReceiver(string queue, int prefetch) => new ServiceBusReceiver(queue, prefetch, client);
    }
}
