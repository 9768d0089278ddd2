using System.Net;
using System.Net.Http.Json;
using System.Text;
using MailFunctions.Functions.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>What holds for every request of the API: how paths, times, pages, bodies and conditions are read.</summary>
public sealed class RequestRulesTests(TestedApi api)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Path_IsDecodedOnce()
    {
        var name = TestedApi.NewName();
        var (slash, percent) = ($"{name}%2Ft@{TestedApi.Domain}", $"{name}%252ft@{TestedApi.Domain}");
        Assert.Equal(
            HttpStatusCode.Created,
            (await SendAsync(HttpMethod.Put, $"accounts/{slash}", new { password = TestedApi.Password })).StatusCode);

        using var answer =
            await SendAsync(HttpMethod.Put, $"accounts/{percent}", new { password = TestedApi.Password, displayName = "another" });

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Contains($"{name}%2ft@{TestedApi.Domain}", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        using var first = await SendAsync(HttpMethod.Get, $"accounts/{slash}");
        Assert.DoesNotContain("another", await first.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("accounts/%FF@example.test")]
    [InlineData("accounts/%@example.test")]
    [InlineData("accounts/x/../a@example.test")]
    [InlineData("accounts/./a@example.test")]
    public async Task Path_ThatIsNoUtf8OrNotWhereTheRouteHasIt_Is400(string path) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(HttpMethod.Get, path)).StatusCode);

    [Theory]
    [InlineData("accounts/{0}@example.test", """{"password": "correct horse battery staple"}""", "The account")]
    [InlineData("aliases/{0}@example.test", """{"targets": ["a@elsewhere.test"]}""", "The alias")]
    [InlineData("domains/{0}.test", "{}", "The domain")]
    public async Task IfNoneMatch_OfAnything_MakesButNeverReplaces(string pattern, string body, string what)
    {
        var path = string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, TestedApi.NewName());
        Assert.Equal(HttpStatusCode.Created, (await PutAsync(path, body, "*")).StatusCode);

        using var again = await PutAsync(path, body, "*");

        Assert.Equal(HttpStatusCode.PreconditionFailed, again.StatusCode); // RFC 9110 §13.1.2
        Assert.Contains(what, await again.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await PutAsync(path, body, "\"other\", " + await ETagAsync(path))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await PutAsync(path, body, "\"other\"")).StatusCode);
    }

    [Theory]
    [InlineData("2026-11-28T13:30:00Z", "2026-11-28T13:30:00Z")]
    [InlineData("2026-11-28t13:30:00.1234567z", "2026-11-28T13:30:00.1234567Z")]
    [InlineData("2026-11-28 13:30", "2026-11-28T13:30:00Z")]
    [InlineData("2026-11-28 13:30:15", "2026-11-28T13:30:15Z")]
    [InlineData("2026-11-28T13:30:00+01:00", "2026-11-28T12:30:00Z")]
    [InlineData("2026-11-28T13:30:00 01:00", "2026-11-28T12:30:00Z")] // a plus sign that was not percent-encoded
    [InlineData("2026-11-28", "2026-11-28T00:00:00Z")]
    [InlineData("2026-11-28 13", null)]
    [InlineData("2026-11-28 13:30 01:00", null)]
    [InlineData("2026-11-28T13:30:00 PM", null)]
    [InlineData("2026-1-2", null)]
    [InlineData("28 Nov 2026", null)]
    [InlineData("2026-11-28T25:00:00Z", null)]
    [InlineData("2026-11-28T13:30:00+99:00", null)]
    [InlineData("20261128", null)]
    public void Time_IsThatTimeOrAFault(string text, string? expected)
    {
        Assert.True(QueryTime.TryParse(text, out var time));

        Assert.Equal(expected is null, time.Fault(new DefaultHttpContext().Request) is not null);
        Assert.Equal(expected is null ? null : DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), time.At);
    }

    [Fact]
    public async Task Continuation_OfAnotherListOrChanged_Is400()
    {
        var domain = TestedApi.NewName() + ".test";
        await api.PutAsync($"domains/{domain}", new { });
        foreach (var i in (int[])[1, 2, 3])
        {
            await api.PutAsync($"aliases/a{i}@{domain}", new { targets = new[] { "x@elsewhere.test" } });
        }

        var (_, page) = await api.GetAsync($"aliases?domain={domain}&top=1");
        var continuation = page.GetProperty("continuation").GetString()!;

        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"aliases?top=2&continuation={continuation}&domain={domain}")).Status);
        foreach (var path in (string[])[$"aliases?continuation={continuation}", $"accounts?domain={domain}&continuation={continuation}",
            $"aliases?domain={domain}&continuation={continuation[..^2]}"])
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await api.GetAsync(path)).Status);
        }
    }

    [Theory]
    [InlineData("domains/twice.test", """{"enabled": true, "enabled": false}""")]
    [InlineData("accounts/twice@example.test", """{"password": "correct horse battery staple", "password": "another one of the kind"}""")]
    [InlineData("accounts/twice@example.test", """{"password": "correct horse battery staple", "p\u0061ssword": "another one of the kind"}""")]
    [InlineData("aliases/twice@example.test", """{"targets": ["a@x.test"], "targets": ["b@x.test"]}""")]
    public async Task Body_WithAFieldTwice_Is400AndChangesNothing(string path, string body)
    {
        using var answer = await PutAsync(path, body);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("twice", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetAsync(path)).Status);
    }

    [Fact]
    public async Task EveryAnswer_IsKeptByNoCacheAndTakenForWhatItIs()
    {
        var paths = api.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(e => "/"
                + string.Join(
                    '/', e.RoutePattern.RawText!.Trim('/').Split('/').Select(p => p.StartsWith('{') ? "nobody@example.test" : p)));
        foreach (var path in paths.Append("/api/nothing").Append("/api/accounts/x/../a@example.test").Distinct())
        {
            using var answer = await api.Http.GetAsync(api.Http.BaseAddress!.GetLeftPart(UriPartial.Authority) + path, Token);

            Assert.True(answer.Headers.CacheControl?.NoStore, $"{path}: {(int)answer.StatusCode}");
            Assert.Equal(["nosniff"], answer.Headers.GetValues("X-Content-Type-Options"));
        }
    }

    [Fact]
    public async Task KeyInTheAddress_IsRefusedWithoutRepeatingIt()
    {
        using var answer = await SendAsync(HttpMethod.Get, "domains?code=secret-key");

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.DoesNotContain("secret-key", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    private async Task<string> ETagAsync(string path)
    {
        using var answer = await SendAsync(HttpMethod.Get, path);
        return answer.Headers.NonValidated["ETag"].ToString();
    }

    private async Task<HttpResponseMessage> PutAsync(string path, string body, string? ifNoneMatch = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, Address(path))
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        if (ifNoneMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", ifNoneMatch);
        }

        return await api.Http.SendAsync(request, Token);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, Address(path)) { Content = body is null ? null : JsonContent.Create(body) };
        return await api.Http.SendAsync(request, Token);
    }

    // As it stands: the client would take dots and escapes out.
    private Uri Address(string path) =>
        new(api.Http.BaseAddress + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
}
