using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Hosting;

/// <summary>
/// The admin API. One function takes every route, and the API's own endpoints part them: fewer functions to load, and an
/// endpoint that is added needs no binding (decision record 0071).
/// </summary>
internal sealed class AdminFunction(AdminApi api)
{
    [Function("Admin")]
    public Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "put", "patch", "post", "delete", Route = "api/{*path}")] HttpRequest request) =>
        Task.FromResult<IResult>(api);
}
