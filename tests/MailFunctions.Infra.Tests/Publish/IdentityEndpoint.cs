using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>
/// Gives tokens to a managed identity as App Service and Container Apps do (api-version 2019-08-01); nobody has signed them.
/// </summary>
internal sealed class IdentityEndpoint : IAsyncDisposable
{
    private readonly string _secret = Guid.NewGuid().ToString("N");
    private readonly WebApplication _app;

    private IdentityEndpoint() => _app = LoopbackServer.Create(AnswerAsync);

    /// <summary>The resources that tokens were asked for.</summary>
    public ConcurrentDictionary<string, byte> Resources { get; } = new();

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["IDENTITY_ENDPOINT"] = _app.Urls.First() + "/msi/token",
        ["IDENTITY_HEADER"] = _secret,
    };

    public static async Task<IdentityEndpoint> StartAsync()
    {
        var endpoint = new IdentityEndpoint();
        await endpoint._app.StartAsync();
        return endpoint;
    }

    private Task AnswerAsync(HttpContext http)
    {
        if (http.Request.Headers["X-IDENTITY-HEADER"] != _secret)
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        }

        var resource = http.Request.Query["resource"].ToString();
        Resources.TryAdd(resource, 0);
        var now = DateTimeOffset.UtcNow;
        var expires = now.AddHours(12).ToUnixTimeSeconds();
        var token = Part(new { alg = "none", typ = "JWT" }) + "." + Part(new
        {
            aud = resource,
            iss = "https://sts.windows.net/11111111-1111-1111-1111-111111111111/",
            nbf = now.AddMinutes(-5).ToUnixTimeSeconds(),
            iat = now.AddMinutes(-5).ToUnixTimeSeconds(),
            exp = expires,
            ver = "1.0",
        }) + ".c2lnbmF0dXJl";
        return http.Response.WriteAsJsonAsync(new { access_token = token, expires_on = $"{expires}", resource, token_type = "Bearer" });
    }

    private static string Part(object claims) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(claims))).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
