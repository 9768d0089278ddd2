using System.ComponentModel.DataAnnotations;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Dsn;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Routing;
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
        services.AddSingleton<OutboundQueue>();
        services.AddSingleton<JobTransitions>();
        services.AddSingleton<JobAlarms>();
        services.AddSingleton<JobReporting>();
        services.AddSingleton<OutboundDelivery>();
        services.AddSingleton<IHousekeepingTask, OverdueJobs>();
        services.AddTls();
        services.AddSession();
        services.AddReports();
        return services;
    }

    private static void AddTls(this IServiceCollection services)
    {
        services.AddSingleton<TlsResults>();
        services.AddSingleton<ITlsResults>(s => s.GetRequiredService<TlsResults>());
        services.AddHostedService(s => s.GetRequiredService<TlsResults>());
        services.AddSingleton(s => new StsFetcher(StsFetcher.CreateHandler(s.GetRequiredService<RelayOptions>()), StsFetcher.TimeLimit));
        services.AddSingleton<IStsPolicies, StsPolicies>();
        services.AddSingleton<JobTlsRules>();
    }

    private static void AddSession(this IServiceCollection services)
    {
        services.AddSingleton<RelayConnector>();
        services.AddSingleton<ContentPreparer>();
        services.AddSingleton<JobTransfer>();
        services.AddSingleton<IRelay, SmtpRelay>();
    }

    private static void AddReports(this IServiceCollection services)
    {
        services.AddSingleton(s => s.GetRequiredService<RelayOptions>().Reports);
        services.AddSingleton(s => new ReportLimit(
            s.GetRequiredService<IReportAllowance>(),
            s.GetRequiredService<ReportOptions>(),
            s.GetRequiredService<RelayOptions>().CreateSrs(s.GetRequiredService<TimeProvider>())));
        services.AddSingleton<DsnSender>();
        services.AddSingleton<ResultReports>();
        services.AddSingleton<DeliveryReports>();
    }
}
