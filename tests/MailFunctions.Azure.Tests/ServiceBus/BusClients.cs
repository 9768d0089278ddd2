using Azure.Messaging.ServiceBus;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace MailFunctions.Azure.Tests.ServiceBus;

/// <summary>The adapter as the programs register it, and the SDK's receivers beside it.</summary>
internal static class BusClients
{
    public static ServiceProvider Create(LocalBusProcess bus, Func<BusOptions, BusOptions>? change = null) =>
        Create(bus, bus.ConnectionString, change);

    public static ServiceProvider Create(LocalBusProcess bus, string connectionString, Func<BusOptions, BusOptions>? change = null)
    {
        var options = BusOptions.Parse(connectionString, bus.ManagementEndpoint);
        return new ServiceCollection().AddMailBus(change?.Invoke(options) ?? options)
            .AddSingleton(_ => new ServiceBusClient(bus.ConnectionString)).BuildServiceProvider();
    }
}
