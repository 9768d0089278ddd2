using System.ComponentModel.DataAnnotations;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Outbound.Tls;

namespace MailFunctions.Functions.Outbound;

/// <summary>Puts the relay together.</summary>
internal static class OutboundRegistration
{
    /// <summary>Reads the section `Relay`.</summary>
    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static IServiceCollection AddRelay(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(RelayOptions.Read(configuration));
        services.AddSingleton(Random.Shared);
        services.AddSingleton<IMailExchanges, DnsExchanges>();
        services.AddSingleton<RelayRoutes>();
        services.AddSingleton<DestinationLimits>();
        services.AddSingleton<TlsResults>();
        services.AddSingleton<ITlsResults>(s => s.GetRequiredService<TlsResults>());
        services.AddHostedService(s => s.GetRequiredService<TlsResults>());
        services.AddSingleton(s => new StsFetcher(StsFetcher.CreateHandler(s.GetRequiredService<RelayOptions>()), StsFetcher.TimeLimit));
        services.AddSingleton<IStsPolicies, StsPolicies>();
        services.AddSingleton<RelayConnector>();
        services.AddSingleton<IRelay, SmtpRelay>();
        services.AddSingleton<JobMaker>();
        services.AddSingleton<ReportLimit>();
        services.AddSingleton<DsnSender>();
        services.AddSingleton<ResultReports>();
        services.AddSingleton<DeliveryReports>();
        services.AddSingleton<OutboundDelivery>();
        services.AddSingleton<IHousekeepingTask, OverdueJobs>();
        return services;
    }
}
