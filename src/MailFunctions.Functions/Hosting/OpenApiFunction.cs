using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Hosting;

/// <summary>The admin API's description, for anybody.</summary>
internal sealed class OpenApiFunction(AdminApi api)
{
    [Function("OpenApi")]
    public IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/openapi.json")] HttpRequest request) => api;
}
