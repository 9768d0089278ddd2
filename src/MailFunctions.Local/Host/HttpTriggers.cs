using System.Net;
using System.Security.Cryptography;
using System.Text;
using MailFunctions.Local.Host.App;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;
using Yarp.ReverseProxy.Forwarder;

namespace MailFunctions.Local.Host;

/// <summary>The keys that callers have to show.</summary>
internal sealed record HostKeys(string Master, string Function)
{
    /// <summary>By `x-functions-key` alone: a key in the address, which the real host takes too, would stand in logs.</summary>
    public bool Allow(HttpRequest request, AuthLevel level)
    {
        var given = request.Headers["x-functions-key"].ToString();
        return level switch
        {
            AuthLevel.Anonymous => true,
            AuthLevel.Function => Equal(given, Function) || Equal(given, Master),
            _ => Equal(given, Master),
        };
    }

    private static bool Equal(string given, string key) =>
        CryptographicOperations.FixedTimeEquals(
            SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    // A record would print its members: keys never reach a log.
    public override string ToString() => nameof(HostKeys);
}

/// <summary>
/// HTTP-triggered functions: routed and let in by the host. Each call goes to the worker in two halves: the request as it
/// came, streaming both ways, and an invocation on the event stream that bears the same id.
/// </summary>
internal sealed class HttpTriggers(
    FunctionApp app,
    IReadOnlyList<HttpFunction> functions,
    HostKeys keys,
    WorkerProcess worker,
    Invoker invoker,
    IHttpForwarder forwarder,
    TimeProvider time)
{
    /// <summary>The worker joins the halves by it.</summary>
    public const string InvocationIdField = "x-ms-invocation-id";

    /// <summary>What passes in neither direction for so long is given up.</summary>
    private static readonly TimeSpan ActivityTimeout = TimeSpan.FromSeconds(240);

    private static readonly HttpMessageInvoker Client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        ConnectTimeout = TimeSpan.FromSeconds(5),
    });

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var route in functions.GroupBy(f => $"{app.RoutePrefix}/{f.Route}".Trim('/')))
        {
            var sameRoute = route.ToList();
            routes.Map(RoutePatternFactory.Parse("/" + route.Key), http => AnswerAsync(http, sameRoute));
        }
    }

    private async Task AnswerAsync(HttpContext http, List<HttpFunction> sameRoute)
    {
        var function = sameRoute.FirstOrDefault(f => f.Methods.Count == 0 || f.Methods.Contains(http.Request.Method.ToUpperInvariant()));
        if (function is null)
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound; // a method that is not listed
            return;
        }

        if (!keys.Allow(http.Request, function.Level))
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized; // and no body
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        using var timer = time.CreateTimer(_ => limit.Cancel(), null, app.FunctionTimeout, Timeout.InfiniteTimeSpan);
        RunningWorker running;
        try
        {
            running = await worker.RunningAsync(limit.Token);
        }
        catch (Exception e) when (e is HostEndingException or OperationCanceledException)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        if (running.App.HttpAddress is not { } address)
        {
            http.Response.StatusCode = StatusCodes.Status501NotImplemented; // a worker without the ASP.NET Core integration
            return;
        }

        var request = TriggerData.ForHttp(function, http.Request);
        var invocation = invoker.InvokeAsync(running, function, request, http.RequestAborted);
        await forwarder.SendAsync(
            http,
            address.ToString(),
            Client,
            new ForwarderRequestConfig { ActivityTimeout = ActivityTimeout, AllowResponseBuffering = false },
            new Transformer(request.InvocationId),
            limit.Token);
        var result = await invocation;
        if (!result.Succeeded && !http.Response.HasStarted)
        {
            // The worker's HTTP half knows nothing of the failure, and says 200.
            http.Response.Clear();
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
    }

    /// <summary>Method, path, query, headers and Host as they came, plus the invocation's id.</summary>
    private sealed class Transformer(string invocationId) : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(
            HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            var target = httpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
            proxyRequest.RequestUri = new Uri(
                destinationPrefix.TrimEnd('/') + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
            proxyRequest.Headers.Host = httpContext.Request.Host.Value;
            proxyRequest.Headers.Remove(InvocationIdField); // a caller's own would join another call
            proxyRequest.Headers.Add(InvocationIdField, invocationId);
        }
    }
}
