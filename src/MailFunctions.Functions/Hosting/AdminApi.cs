using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using MailFunctions.Core.Addresses;
using MailFunctions.Functions.Accounts;
using MailFunctions.Functions.Aliases;
using MailFunctions.Functions.Domains;
using MailFunctions.Functions.Health;
using MailFunctions.Functions.OpenApi;
using MailFunctions.Functions.OutboundJobs;
using MailFunctions.Functions.Queues;
using MailFunctions.Functions.Stats;
using MailFunctions.Functions.Traces;

namespace MailFunctions.Functions.Hosting;

/// <summary>The admin API put together: its JSON, its faults, its routes (design §3.5).</summary>
internal static class AdminApi
{
    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static IServiceCollection AddAdminApi(this IServiceCollection services, IConfiguration configuration)
    {
        if (configuration[DomainsFunction.PostmasterKey] is { Length: > 0 } postmaster && EmailAddress.Parse(postmaster) is null)
        {
            throw new ValidationException($"{DomainsFunction.PostmasterKey}: '{postmaster}' is no address of the form local-part@domain.");
        }

        services.ConfigureHttpJsonOptions(o =>
        {
            o.SerializerOptions.TypeInfoResolverChain.Insert(0, AdminJson.Default);
            o.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull; // answers go by these options, not by the context's
        });
        services.AddSingleton<DnsCheck>();
        services.AddSingleton<JobChanges>();
        services.AddSingleton<DeadLetterReasons>();
        services.AddProblemDetails();
        services.AddApiDescription();
        return services;
    }

    public static void UseAdminApi(this WebApplication app)
    {
        app.UseMiddleware<AnswerFields>();
        app.UseApiProblems();
        app.UseMiddleware<HostGuard>();
        app.UseMiddleware<PathValues>();
        app.MapDomains();
        app.MapAccounts();
        app.MapAliases();
        app.MapQueues();
        app.MapOutboundJobs();
        app.MapTraces();
        app.MapStats();
        app.MapTlsStats();
        app.MapHealth();
        app.MapApiDescription();
    }
}
