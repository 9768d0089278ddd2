using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using MailFunctions.Functions.Accounts;
using MailFunctions.Functions.Accounts.Import;
using MailFunctions.Functions.Accounts.Messages;
using MailFunctions.Functions.Aliases;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Domains;
using MailFunctions.Functions.Health;
using MailFunctions.Functions.OpenApi;
using MailFunctions.Functions.OutboundJobs;
using MailFunctions.Functions.Queues;
using MailFunctions.Functions.Stats;
using MailFunctions.Functions.Traces;

namespace MailFunctions.Functions.Hosting;

/// <summary>
/// The admin API as one pipeline over the app's services, built once. It is a result, so that a function returns it to answer its call.
/// </summary>
internal sealed class AdminApi : IResult
{
    private readonly RequestDelegate _answer;

    public AdminApi(IServiceProvider services)
    {
        var pipeline = new ApplicationBuilder(services);
        pipeline.UseAdminApi();
        _answer = pipeline.Build();
    }

    /// <summary>Answers a call that the host has let in.</summary>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        // The worker's own routing has found the function; the API's routes begin anew.
        httpContext.SetEndpoint(null);
        httpContext.Request.RouteValues.Clear();
        return _answer(httpContext);
    }
}

/// <summary>The admin API put together: its JSON, its faults, its routes (design §3.5).</summary>
internal static class AdminApiRegistration
{
    /// <exception cref="ValidationException">Says which key is wrong.</exception>
    public static IServiceCollection AddAdminApi(this IServiceCollection services, IConfiguration configuration)
    {
        DomainResource.Validate(configuration);
        services.AddSingleton(new BodyJson(AdminJson.Default.Options));
        services.ConfigureHttpJsonOptions(o =>
        {
            o.SerializerOptions.TypeInfoResolverChain.Insert(0, AdminJson.Default);
            // answers go by these options, not by the context's
            o.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        });
        services.AddSingleton<DomainResource>();
        services.AddSingleton<AccountResource>();
        services.AddSingleton<AliasResource>();
        services.AddSingleton<MessageImporter>();
        services.AddSingleton<MailboxRestoration>();
        services.AddSingleton<DnsCheck>();
        services.AddSingleton<JobChanges>();
        services.AddSingleton<DeadLetterReasons>();
        services.AddProblemDetails();
        services.AddSingleton<AdminApi>();
        services.AddApiDescription();
        return services;
    }

    public static void UseAdminApi(this IApplicationBuilder app)
    {
        app.UseMiddleware<AnswerFields>();
        app.UseApiProblems();
        app.UseRouting();
        app.UseMiddleware<PathValues>();
        app.UseEndpoints(endpoints =>
        {
            var routes = endpoints.MapGroup("").AddEndpointFilterFactory(QueryFilter.Create);
            routes.MapDomains();
            routes.MapAccounts();
            routes.MapAppPasswords();
            routes.MapMessages();
            routes.MapDeletedMailboxes();
            routes.MapAccountImport();
            routes.MapAliases();
            routes.MapQueues();
            routes.MapOutboundJobs();
            routes.MapTraces();
            routes.MapStats();
            routes.MapTlsStats();
            routes.MapHealth();
            endpoints.MapApiDescription();
        });
    }
}
