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
    [InlineData("POST", "/Tick", "master-key", 404)] // triggers are not reachable from outside
    [InlineData("GET", "/api/throws", "", 500)]
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
        if (expected is 401 or 500)
        {
            Assert.Empty(await answer.Content.ReadAsByteArrayAsync(Token));
        }
    }

    [Fact]
    public async Task Call_GoesOnAsItCame_WithTheInvocationsId()
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Post, running.App.Address("/api/guarded/alice%40example.test/a%2Fb?q=1&q=2&empty="))
            {
                Content = new StringContent("{}"),
            };
        request.Headers.Host = "mail.example.test";
        request.Headers.Add("x-functions-key", "function-key");
        request.Headers.Add("x-ms-invocation-id", "forged");
        request.Headers.Add("X-Own", ["one", "two"]);

        using var answer = await running.App.Http.SendAsync(request, Token);

        var seen = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Token)).RootElement;
        var headers = seen.GetProperty("headers");
        Assert.Equal("/api/guarded/alice%40example.test/a%2Fb?q=1&q=2&empty=", seen.GetProperty("url").GetString());
        Assert.Equal("mail.example.test", headers.GetProperty("host").GetString());
        Assert.Equal(["one", "two"], headers.GetProperty("x-own").GetString()!.Split(',', StringSplitOptions.TrimEntries));
        Assert.True(Guid.TryParse(headers.GetProperty("x-ms-invocation-id").GetString(), out _));
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
    public async Task Call_WithARouteParameter_GivesItToTheFunction()
    {
        Assert.Equal("""{"id":42}""", await running.App.Http.GetStringAsync(running.App.Address("/api/number/42"), Token));
    }

    [Fact]
    public async Task Call_WhoseClientLeaves_IsCancelledOnBothWays()
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var call = running.App.Http.GetAsync(running.App.Address("/api/waits"), leaving.Token);
        await TestedApp.UntilAsync(() => running.App.Calls("Waits").Count == 1, "the function runs");

        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await TestedApp.UntilAsync(() => running.App.Noted("left").Count == 1, "the function ends");
        Assert.True(running.App.Noted("left")[0].GetProperty("left").GetBoolean(), "by the request");
        Assert.True(running.App.Noted("left")[0].GetProperty("cancelled").GetBoolean(), "by the invocation");
    }

    [Fact]
    public void Worker_Environment_IsTheHostsOwnWithoutItsKeys()
    {
        var environment = running.App.Noted("started")[0].GetProperty("environment");

        Assert.Equal("http://127.0.0.1:1", environment.GetProperty("ASPNETCORE_URLS").GetString());
        Assert.Equal(
            environment.GetProperty("FUNCTIONS_WORKER_DIRECTORY").GetString(),
            environment.GetProperty("FUNCTIONS_APPLICATION_DIRECTORY").GetString());
        Assert.Equal("10.0", environment.GetProperty("FUNCTIONS_WORKER_RUNTIME_VERSION").GetString());
        Assert.Equal(JsonValueKind.Null, environment.GetProperty("HOST_MASTER_KEY").ValueKind);
        Assert.Equal(JsonValueKind.Null, environment.GetProperty("HOST_FUNCTION_KEY").ValueKind);
    }

    public sealed class RunningApp : IAsyncLifetime
    {
        internal TestedApp App { get; } =
            new("Open", "Guarded", "AdminOnly", "Number", "Optional", "Teapot", "Redirect", "Throws", "Large", "Waits");

        public async ValueTask InitializeAsync() => await App.StartAsync();

        public ValueTask DisposeAsync() => App.DisposeAsync();
    }
}
