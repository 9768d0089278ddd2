using System.Net;
using System.Security.Cryptography;
using System.Text;
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
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    // A record would print its members: keys never reach a log.
    public override string ToString() => nameof(HostKeys);
}

/// <summary>HTTP-triggered functions: routed and let in by the host, then handed to the handler as they came, streaming both ways.</summary>
internal sealed class HttpTriggers(FunctionApp app, HostKeys keys, HandlerProcess handler, IHttpForwarder forwarder, TimeProvider time)
{
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
        foreach (var route in app.Functions.OfType<HttpFunction>().GroupBy(f => $"{app.RoutePrefix}/{f.Route}".Trim('/')))
        {
            var functions = route.ToList();
            routes.Map(RoutePatternFactory.Parse("/" + route.Key), http => AnswerAsync(http, functions));
        }
    }

    private async Task AnswerAsync(HttpContext http, List<HttpFunction> functions)
    {
        var function = functions.FirstOrDefault(f => f.Methods.Count == 0 || f.Methods.Contains(http.Request.Method.ToUpperInvariant()));
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

        RunningHandler running;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        using var timer = time.CreateTimer(_ => limit.Cancel(), null, app.FunctionTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            running = await handler.RunningAsync(limit.Token);
        }
        catch (Exception e) when (e is HandlerEndedException or OperationCanceledException)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        var fault = await forwarder.SendAsync(
            http,
            running.Address.ToString(),
            Client,
            new ForwarderRequestConfig { ActivityTimeout = app.FunctionTimeout, AllowResponseBuffering = false },
            Transformer.Instance,
            limit.Token);
        if (fault != ForwarderError.None && limit.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested)
        {
            handler.KillForTimeout(running.ProcessId);
        }
    }

    /// <summary>Method, path, query, headers and Host as they came, plus the host's two fields.</summary>
    private sealed class Transformer : HttpTransformer
    {
        public static readonly Transformer Instance = new();

        public override async ValueTask TransformRequestAsync(
            HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            var target = httpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
            proxyRequest.RequestUri = new Uri(
                destinationPrefix.TrimEnd('/') + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
            proxyRequest.Headers.Host = httpContext.Request.Host.Value;
            proxyRequest.Headers.Remove(Invoker.InvocationIdField); // a caller's own would be a forgery
            proxyRequest.Headers.Remove(Invoker.HostVersionField);
            proxyRequest.Headers.Add(Invoker.InvocationIdField, Guid.NewGuid().ToString());
            proxyRequest.Headers.Add(Invoker.HostVersionField, Invoker.HostVersion);
        }
    }
}
