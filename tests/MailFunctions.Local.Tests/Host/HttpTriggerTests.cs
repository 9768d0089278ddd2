using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace MailFunctions.Local.Tests.Host;

/// <summary>HTTP functions: who is let in, and that everything else goes through as it came.</summary>
public sealed class HttpTriggerTests(HttpTriggerTests.RunningApp running) : IClassFixture<HttpTriggerTests.RunningApp>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET", "/api/open", "", 200)]
    [InlineData("GET", "/api/open?code=wrong", "", 200)]
    [InlineData("DELETE", "/api/open", "", 404)] // a method that is not listed
    [InlineData("GET", "/api/guarded", "", 401)]
    [InlineData("GET", "/api/guarded", "wrong", 401)]
    [InlineData("GET", "/api/guarded", "function-key", 200)]
    [InlineData("GET", "/api/guarded", "master-key", 200)]
    [InlineData("GET", "/api/guarded?code=function-key", "", 401)] // it would stand in logs
    [InlineData("PUT", "/api/guarded/a/b/c", "function-key", 200)]
    [InlineData("GET", "/api/admin-only", "function-key", 401)]
    [InlineData("GET", "/api/admin-only", "master-key", 200)]
    [InlineData("GET", "/api/number/42", "", 200)]
    [InlineData("GET", "/api/number/fortytwo", "", 404)] // a route constraint
    [InlineData("GET", "/api/optional", "", 200)]
    [InlineData("GET", "/api/optional/one", "", 200)]
    [InlineData("GET", "/api/optional/one/two", "", 404)]
    [InlineData("GET", "/api/nothing", "master-key", 404)]
    [InlineData("POST", "/Inbound", "master-key", 404)] // triggers are not reachable from outside
    [InlineData("GET", "/admin/host/status", "", 401)]
    [InlineData("GET", "/admin/host/status", "function-key", 401)]
    [InlineData("GET", "/admin/host/status", "master-key", 200)]
    public async Task Call_ByRouteMethodAndKey_IsLetInOrNot(string method, string path, string key, int expected)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), running.App.Address(path));
        if (key.Length > 0)
        {
            request.Headers.Add("x-functions-key", key);
        }

        using var answer = await running.App.Http.SendAsync(request, Token);

        Assert.Equal(expected, (int)answer.StatusCode);
        if (expected == 401)
        {
            Assert.Empty(await answer.Content.ReadAsByteArrayAsync(Token));
        }
    }

    [Fact]
    public async Task Call_GoesOnAsItCame_WithTheHostsTwoFields()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, running.App.Address("/api/guarded/alice%40example.test/a%2Fb?q=1&q=2&empty="))
        {
            Content = new StringContent("{}"),
        };
        request.Headers.Host = "mail.example.test";
        request.Headers.Add("x-functions-key", "function-key");
        request.Headers.Add("X-Azure-Functions-InvocationId", "forged");
        request.Headers.Add("X-Own", ["one", "two"]);

        using var answer = await running.App.Http.SendAsync(request, Token);

        var seen = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Token)).RootElement;
        var headers = seen.GetProperty("headers");
        Assert.Equal("/api/guarded/alice%40example.test/a%2Fb?q=1&q=2&empty=", seen.GetProperty("url").GetString());
        Assert.Equal("mail.example.test", headers.GetProperty("host").GetString());
        Assert.Equal("one, two", headers.GetProperty("x-own").GetString());
        Assert.True(Guid.TryParse(headers.GetProperty("x-azure-functions-invocationid").GetString(), out _));
        Assert.StartsWith("4.", headers.GetProperty("x-azure-functions-hostversion").GetString(), StringComparison.Ordinal);
        Assert.Equal("kept", answer.Headers.GetValues("x-own").Single());
    }

    [Theory]
    [InlineData("/api/teapot", 418)]
    [InlineData("/api/redirect", 302)]
    public async Task Call_AnyStatus_GoesBackUnchanged(string path, int expected)
    {
        using var answer = await running.App.Http.GetAsync(running.App.Address(path), Token);

        Assert.Equal(expected, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Upload_OfTwentyMebibytes_ArrivesWhole()
    {
        var octets = new byte[20 * 1024 * 1024];
        Random.Shared.NextBytes(octets);

        using var answer = await running.App.Http.PostAsync(running.App.Address("/api/open"), new ByteArrayContent(octets), Token);

        var seen = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Token)).RootElement;
        Assert.Equal(octets.Length, seen.GetProperty("octets").GetInt32());
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(octets)), seen.GetProperty("sha256").GetString());
    }

    [Fact]
    public async Task Download_OfTwentyMebibytes_ComesWhole()
    {
        var octets = await running.App.Http.GetByteArrayAsync(running.App.Address("/api/large"), Token);

        Assert.Equal(320 * 65536, octets.Length);
        Assert.All(Enumerable.Range(0, 320), i => Assert.Equal(i % 256, octets[(i * 65536) + 17]));
    }

    [Fact]
    public void Handler_Environment_IsTheHostsOwnAndThreeMore()
    {
        var start = running.App.Seen()[0];
        var environment = start.GetProperty("environment");

        Assert.Equal("http://127.0.0.1:1", environment.GetProperty("ASPNETCORE_URLS").GetString());
        Assert.True(environment.TryGetProperty("FUNCTIONS_CUSTOMHANDLER_PORT", out _));
        Assert.True(environment.TryGetProperty("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", out _));
        Assert.True(environment.TryGetProperty("FUNCTIONS_APP_ROOT_PATH", out _));
        Assert.Equal("own value", start.GetProperty("arguments")[0].GetString()); // %OWN_SETTING%
    }

    public sealed class RunningApp : IAsyncLifetime
    {
        internal TestedApp App { get; } = new();

        public async ValueTask InitializeAsync() => await App
            .HttpFunction("Open", "api/open", "anonymous", "get", "post")
            .HttpFunction("Guarded", "api/guarded/{*rest}", "function", "get", "put", "post")
            .HttpFunction("AdminOnly", "api/admin-only", "admin", "get")
            .HttpFunction("Number", "api/number/{id:int}", "anonymous", "get")
            .HttpFunction("Optional", "api/optional/{name?}", "anonymous", "get")
            .HttpFunction("Teapot", "api/teapot", "anonymous", "get")
            .HttpFunction("Redirect", "api/redirect", "anonymous", "get")
            .HttpFunction("Large", "api/large", "anonymous", "get")
            .StartAsync();

        public ValueTask DisposeAsync() => App.DisposeAsync();
    }
}
