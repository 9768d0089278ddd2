using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Hosting;

/// <summary>The health of the system; needs no key.</summary>
internal sealed class HealthFunction(AdminApi api)
{
    [Function("Health")]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/health")] HttpRequest request) =>
        Task.FromResult<IResult>(api);
}
