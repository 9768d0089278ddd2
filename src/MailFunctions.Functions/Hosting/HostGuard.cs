using System.Net;

namespace MailFunctions.Functions.Hosting;

/// <summary>
/// Refuses what did not come through the Functions host, which checks the keys: only loopback, and only with the field
/// that the host adds to every call. This guards against the app being exposed by mistake; it is no authentication,
/// because a program on the same machine can add the field too.
/// </summary>
internal sealed class HostGuard(RequestDelegate next, IConfiguration configuration)
{
    /// <summary>The field that the host adds to every call.</summary>
    public const string InvocationIdField = "X-Azure-Functions-InvocationId";

    /// <summary>The setting that lets calls in without a host in front.</summary>
    public const string AllowDirectCallsKey = "Functions:AllowDirectCalls";

    private readonly bool _allowDirectCalls = configuration.GetValue(AllowDirectCallsKey, defaultValue: false);

    public Task InvokeAsync(HttpContext http)
    {
        // `GET /` is how the host finds out that the app has started.
        if (_allowDirectCalls || http.Request.Path == "/"
            || (http.Request.Headers.ContainsKey(InvocationIdField) && http.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from)))
        {
            return next(http);
        }

        return TypedResults.Problem(
            "Calls come through the Azure Functions host, which checks the key. Set Functions__AllowDirectCalls=true to allow others.",
            statusCode: StatusCodes.Status403Forbidden).ExecuteAsync(http);
    }
}
