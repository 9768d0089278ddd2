using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Azure.Data.Tables;
using MailFunctions.Core.Bus;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>Every route with every hostile value: always 4xx with a problem, and nothing is changed.</summary>
[Collection(CountedAlone.Name)]
public sealed class HostileInputTests(TestedApi api)
{
    /// <summary>As they stand in a path, percent-encoded where a client could not send them otherwise.</summary>
    private static readonly string[] HostileValues =
    [
        "'", "%22", "a'%20or%20'1'%20eq%20'1", "%2F", "a%2Fb", "%5C", "%23", "%3F", "%25", "%2525", "%0D%0A", "%07", "%7F", "%C2%85",
        "..%2F..", "%2E%2E%2Fx",
        "%E2%80%AE", "%F0%9F%98%80", "%FF", new string('x', 2000), "-1", "99999999999999999999", "%3Cscript%3E", "nobody@", "@example.test",
        "a@b@c", "%20", "~", "=0041",
    ];

    private static readonly string[] HostileBodies =
    [
        "", "{", "null", "[]", "5", "\"x\"", """{"unknown": 1}""", """{"password": {"a": 1}}""", """{"targets": "x"}""",
        """{"label": []}""", "\u0000",
        "[" + new string('[', 5000), $$"""{"displayName": "{{new string('x', 300_000)}}"}""",
    ];

    private List<(string Method, string Pattern)> Routes =>
    [
        .. api.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(
                e => e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(m => (m, "/" + e.RoutePattern.RawText!.Trim('/'))))
            .Where(r => r.Item2 is not ("/api/openapi.json" or "/api/health")),
    ];

    [Fact]
    public async Task EveryRoute_HostileValuesInItsPath_Is4xxProblemAndChangesNothing()
    {
        Assert.True(Routes.Count > 25);
        var before = await StateAsync();
        foreach (var (method, pattern) in Routes.Where(r => r.Pattern.Contains('{', StringComparison.Ordinal)))
        {
            foreach (var value in HostileValues)
            {
                await RefusedAsync(method, Fill(pattern, value),
                    """{"password": "long enough password", "targets": ["x@example.test"], "label": "x"}""", ValidFor(pattern));
            }
        }

        Assert.Equal(before, await StateAsync());
    }

    [Fact]
    public async Task EveryRouteWithABody_MalformedOrOverlongOnes_Is4xxProblemAndChangesNothing()
    {
        var before = await StateAsync();
        foreach (var (method, pattern) in Routes.Where(r => r.Method is "PUT" or "PATCH"
            || r.Pattern.EndsWith("app-passwords", StringComparison.Ordinal) || r.Pattern.EndsWith("import", StringComparison.Ordinal)))
        {
            foreach (var body in HostileBodies)
            {
                if (method != "GET" && method != "DELETE")
                {
                    await RefusedAsync(
                        method,
                        Fill(pattern, pattern.Contains("{domain}", StringComparison.Ordinal) ? "new.test" : "nobody@example.test"),
                        body,
                        "application/json");
                }
            }
        }

        Assert.Equal(before, await StateAsync());
    }

    [Theory]
    [InlineData("top", "0", "1001", "-1", "x", "1.5", "%27")]
    [InlineData("continuation", "%00x", "%27", "%0A", "../..", "%25", "garbage", "Z2FyYmFnZQ", "17", "1!8!YQ--")]
    [InlineData("domain", "%27", "a..b", "%2F", "%0A")]
    [InlineData("deleted", "%27", "2", "yes")]
    [InlineData("check", "%27", "2", "yes")]
    [InlineData("id", "")]
    [InlineData("address", "%27", "x", "a@b@c")]
    [InlineData("stories", "%27", "2", "yes")]
    [InlineData("usage", "%27", "2", "yes")]
    [InlineData("from", "yesterday", "%27", "0001-01-01", "13:30", "2026-02-30", "2026-11-28T24:01:00Z", "28.11.2026", "11/28/2026", "2026-11-28T13:30 1:00")]
    public async Task EveryList_HostileQuery_IsNever5xx(string name, params string[] values)
    {
        var paths = (await api.GetAsync("openapi.json")).Body.GetProperty("paths").EnumerateObject()
            .Where(p => p.Value.TryGetProperty("get", out var get) && get.TryGetProperty("parameters", out var parameters)
                && parameters.EnumerateArray()
                    .Any(q => q.GetProperty("in").GetString() == "query" && q.GetProperty("name").GetString() == name))
            .Select(p => p.Name.TrimEnd('/')).ToList();
        Assert.NotEmpty(paths);
        foreach (var pattern in paths)
        {
            foreach (var value in values)
            {
                var path = Fill(pattern, "nobody@example.test")
                    .Replace("nobody@example.test/dead", QueueNames.Inbound + "/dead", StringComparison.Ordinal);
                using var answer = await api.Http.GetAsync($"..{path}?{name}={value}");
                Assert.True((int)answer.StatusCode is >= 400 and < 500, $"{pattern}?{name}={value}: {(int)answer.StatusCode}");
                Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
            }
        }
    }

    private static string ValidFor(string pattern) =>
        pattern == "/api/accounts/import"
            ? "text/csv"
            : pattern.EndsWith("/import", StringComparison.Ordinal)
            ? "message/rfc822"
            : "application/json";

    private static string Fill(string pattern, string value) =>
        string.Join('/', pattern.Split('/').Select(p => p.StartsWith('{') ? value : p));

    private async Task RefusedAsync(string method, string path, string body, string type)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(method),
            new Uri(
                api.Http.BaseAddress!.GetLeftPart(UriPartial.Authority) + path,
                new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (method is not ("GET" or "DELETE"))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body))
            {
                Headers = { ContentType = new MediaTypeHeaderValue(type) },
            };
        }

        using var answer = await api.Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode is >= 400 and < 500, $"{method} {path} {Start(body)}: {(int)answer.StatusCode} {Start(text)}");
        if (text.Length > 0)
        {
            // The server itself refuses some paths before any route is looked for, without a body.
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
            Assert.Equal((int)answer.StatusCode, JsonDocument.Parse(text).RootElement.GetProperty("status").GetInt32());
        }
        else
        {
            Assert.Equal(400, (int)answer.StatusCode);
        }
    }

    private static string Start(string text) => text.Length > 100 ? text[..100] : text;

    /// <summary>Every row of the directory with its version.</summary>
    private async Task<string> StateAsync()
    {
        var tables = api.Services.GetRequiredService<TableServiceClient>();
        var rows = new List<string>();
        foreach (var table in (string[])["domains", "directory", "mailboxes"])
        {
            await foreach (var row in tables.GetTableClient(table).QueryAsync<TableEntity>())
            {
                rows.Add($"{table} {row.PartitionKey} {row.RowKey} {row.ETag}");
            }
        }

        return string.Join('\n', rows.Order());
    }
}
