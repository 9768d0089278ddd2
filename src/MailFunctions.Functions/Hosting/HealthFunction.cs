using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Hosting;

/// <summary>The one part of the admin API, besides its description, that asks for no key.</summary>
internal sealed class HealthFunction(AdminApi api)
{
    [Function("Health")]
    public IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/health")] HttpRequest request) => api;
}
