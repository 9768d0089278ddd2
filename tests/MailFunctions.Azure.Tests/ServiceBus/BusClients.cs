using MailFunctions.Azure.ServiceBus;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace MailFunctions.Azure.Tests.ServiceBus;

/// <summary>The adapter as the programs register it.</summary>
internal static class BusClients
{
    public static ServiceProvider Create(LocalBusProcess bus, Func<BusOptions, BusOptions>? change = null)
    {
        var options = BusOptions.Parse(bus.ConnectionString, bus.ManagementEndpoint);
        return new ServiceCollection().AddMailBus(change?.Invoke(options) ?? options).BuildServiceProvider();
    }
}
