using MailFunctions.Core.Stats;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace MailFunctions.Azure.Stats;

/// <summary>Counts this process's meters, and writes them into `stats` once a minute.</summary>
public static class StatsRegistration
{
    /// <summary>Needs the storage (<see cref="StorageRegistration"/>).</summary>
    public static IServiceCollection AddMailStats(this IServiceCollection services)
    {
        services.AddSingleton<MeterTotals>();
        services.AddSingleton<IHostedService, StatsWriter>();
        return services;
    }
}
