using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Hosting;

/// <summary>The admin API's description; needs no key.</summary>
internal sealed class OpenApiFunction(AdminApi api)
{
    [Function("OpenApi")]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/openapi.json")] HttpRequest request) =>
        Task.FromResult<IResult>(api);
}
