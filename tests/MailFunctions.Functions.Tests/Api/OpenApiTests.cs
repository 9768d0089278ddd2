using System.Net;
using System.Text.Json;
using MailFunctions.TestKit;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>The description says what there is.</summary>
public sealed class OpenApiTests(TestedApi api)
{
    [Fact]
    public async Task Document_EveryRoute_IsDescribedWithItsErrorsAndKey()
    {
        var (status, document) = await api.GetAsync("openapi.json");
        Assert.Equal(HttpStatusCode.OK, status);
        var scheme = document.GetProperty("components").GetProperty("securitySchemes").GetProperty("functionKey");
        Assert.Equal(
            ("apiKey", "header", "x-functions-key"),
            (scheme.GetProperty("type").GetString(), scheme.GetProperty("in").GetString(), scheme.GetProperty("name").GetString()));
        var paths = document.GetProperty("paths");
        var ids = new HashSet<string?>();
        foreach (var endpoint in api.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            var path = "/" + endpoint.RoutePattern.RawText!.Trim('/');
            foreach (var method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Where(_ => path != "/api/openapi.json"))
            {
                Assert.True(paths.TryGetProperty(path, out var item) || paths.TryGetProperty(path + "/", out item), path);
                var operation = item.GetProperty(method.ToLowerInvariant());
                Assert.True(ids.Add(operation.GetProperty("operationId").GetString()), path);
                Assert.True(operation.GetProperty("summary").GetString()!.Length > 0, path);
                var responses = operation.GetProperty("responses").EnumerateObject().Select(r => r.Name).ToList();
                Assert.Contains(responses, r => r[0] == '2');
                Assert.True(path == "/api/health" || (responses.Contains("401") && responses.Contains("400")), $"{method} {path}");
            }
        }

        Assert.True(ids.Count > 25);
    }

    [Fact]
    public async Task Document_PassesTheLinter()
    {
        var (_, document) = await api.GetAsync("openapi.json");
        var file = Path.Combine(AppContext.BaseDirectory, "openapi.json");
        await File.WriteAllTextAsync(file, document.GetRawText(), TestContext.Current.CancellationToken);

        // What is left out: the health check has no error of the caller's.
        await using var linter = ProgramProcess.Start(
            "node",
            [
                Path.Combine(Repository.Root, "node_modules", "@redocly", "cli", "bin", "cli.js"), "lint", file, "--format=json",
                "--skip-rule=operation-4xx-response"],
            new Dictionary<string, string?> { ["REDOCLY_TELEMETRY"] = "off", ["REDOCLY_SUPPRESS_UPDATE_NOTICE"] = "true" });
        await linter.WaitForExitAsync(TimeSpan.FromMinutes(2));

        var said = string.Join('\n', linter.Output);
        Assert.Equal((0, 0), (Count("errors"), Count("warnings")));
        Assert.Equal(0, linter.ExitCode);

        int Count(string totals) => JsonDocument.Parse(said).RootElement.GetProperty("totals").GetProperty(totals).GetInt32();
    }
}
