using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Http.Features;

namespace MailFunctions.TestWorker;

/// <summary>Functions by HTTP, and a timer.</summary>
public sealed class OtherFunctions
{
    [Function("Open")]
    public Task OpenAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", "post", Route = "api/open")] HttpRequest request) =>
        EchoAsync(request, 200);

    [Function("Guarded")]
    public Task GuardedAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "put", "post", Route = "api/guarded/{*rest}")] HttpRequest request) =>
        EchoAsync(request, 200);

    [Function("AdminOnly")]
    public Task AdminOnlyAsync([HttpTrigger(AuthorizationLevel.Admin, "get", Route = "api/admin-only")] HttpRequest request) =>
        EchoAsync(request, 200);

    /// <summary>With a parameter of the route, which comes by the invocation.</summary>
    [Function("Number")]
    public IResult Number([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/number/{id:int}")] HttpRequest request, int id) =>
        Results.Json(new { id });

    [Function("Optional")]
    public Task OptionalAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/optional/{name?}")] HttpRequest request) =>
        EchoAsync(request, 200);

    [Function("Teapot")]
    public Task TeapotAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/teapot")] HttpRequest request) =>
        EchoAsync(request, 418);

    [Function("Redirect")]
    public IResult Redirect([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/redirect")] HttpRequest request) =>
        Results.Redirect("/api/open");

    [Function("Throws")]
    public IResult Throws([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/throws")] HttpRequest request) =>
        throw new InvalidOperationException("It threw.");

    [Function("Large")]
    public async Task LargeAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/large")] HttpRequest request)
    {
        for (var i = 0; i < 320; i++)
        {
            var block = new byte[65536];
            block.AsSpan().Fill((byte)i);
            await request.HttpContext.Response.Body.WriteAsync(block, request.HttpContext.RequestAborted);
        }
    }

    /// <summary>Until the caller leaves.</summary>
    [Function("Waits")]
    public async Task WaitsAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/waits")] HttpRequest request, FunctionContext context)
    {
        Notes.Add(new { function = "Waits" });
        await Task.Delay(Timeout.InfiniteTimeSpan, request.HttpContext.RequestAborted)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.Delay(TimeSpan.FromSeconds(5), context.CancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Notes.Add(new
        {
            left = request.HttpContext.RequestAborted.IsCancellationRequested,
            cancelled = context.CancellationToken.IsCancellationRequested,
        });
    }

    [Function("Tick")]
    public void Tick([TimerTrigger("%TICK%")] TimerInfo timer) => Notes.Add(new { function = "Tick", timer });

    private static async Task EchoAsync(HttpRequest request, int status)
    {
        var octets = 0L;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[65536];
        for (int read; (read = await request.Body.ReadAsync(buffer)) > 0; octets += read)
        {
            hash.AppendData(buffer, 0, read);
        }

        request.HttpContext.Response.StatusCode = status;
        request.HttpContext.Response.Headers["x-own"] = "kept";
        await request.HttpContext.Response.WriteAsJsonAsync(new
        {
            method = request.Method,
            url = request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
            shown = request.GetDisplayUrl(),
            headers = request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()),
            octets,
            sha256 = Convert.ToHexStringLower(hash.GetCurrentHash()),
        });
    }
}
