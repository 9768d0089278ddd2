using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using MailFunctions.Core.Traces;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>These count, so nothing else may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class CountedAlone
{
    public const string Name = "counted alone";
}

/// <summary>What each call of the API costs at the storage: point reads and writes, and lists of one query a page.</summary>
[Collection(CountedAlone.Name)]
public sealed class StorageRequestTests(TestedApi api)
{
    [Fact]
    public async Task Calls_OfTheDirectory_TakePointReadsAndWritesOnly()
    {
        var (domain, name) = (TestedApi.NewName() + ".test", TestedApi.NewName());
        var alias = $"aliases/{name}x@{domain}";
        var account = $"accounts/{name}@{domain}";

        Assert.Equal("GET domains, POST domains", await CountAsync(HttpMethod.Put, $"domains/{domain}", new { }));
        Assert.Equal("GET domains, PUT domains", await CountAsync(HttpMethod.Put, $"domains/{domain}", new { }));
        Assert.Equal("GET domains", await CountAsync(HttpMethod.Get, $"domains/{domain}"));
        Assert.Equal("GET domains", await CountAsync(HttpMethod.Get, $"domains/{domain}?check=true"));
        Assert.Equal("GET domains, PUT domains", await CountAsync(HttpMethod.Post, $"domains/{domain}/dkim"));
        Assert.Equal("GET domains, PUT domains", await CountAsync(HttpMethod.Post, $"domains/{domain}/dkim/activate?force=true"));
        Assert.Equal("GET domains query", await CountAsync(HttpMethod.Get, "domains"));
        Assert.Equal(
            "GET directory, GET domains, POST directory", await CountAsync(HttpMethod.Put, account, new { password = TestedApi.Password }));
        Assert.Equal("GET directory, GET domains, PUT directory", await CountAsync(HttpMethod.Put, account, new { displayName = "x" }));
        Assert.Equal("GET directory, PUT directory", await CountAsync(HttpMethod.Patch, account, new { enabled = true }));
        Assert.Equal("GET directory, GET mailboxes", await CountAsync(HttpMethod.Get, account));
        Assert.Equal("GET directory query", await CountAsync(HttpMethod.Get, $"accounts?domain={domain}"));
        Assert.Equal("GET directory query, GET mailboxes", await CountAsync(HttpMethod.Get, $"accounts?domain={domain}&usage=true"));
        Assert.Equal("GET directory, PUT directory", await CountAsync(HttpMethod.Post, account + "/app-passwords", new { label = "x" }));
        Assert.Equal("GET directory, GET stats query", await CountAsync(HttpMethod.Get, account + "/app-passwords"));
        Assert.Equal(
            "GET directory, GET directory, GET domains, POST directory",
            await CountAsync(HttpMethod.Put, alias, new { targets = new[] { $"{name}@{domain}" } }));
        Assert.Equal("GET mailboxes query", await CountAsync(HttpMethod.Get, account + "/deleted-mailboxes"));
        Assert.Equal("GET directory", await CountAsync(HttpMethod.Get, alias));
        Assert.Equal("DELETE directory, GET directory", await CountAsync(HttpMethod.Delete, alias));
    }

    [Fact]
    public async Task Calls_OfMessages_TakeOneQueryAPageAndOneTransactionARestore()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        for (var i = 0; i < 5; i++)
        {
            await api.DeliverAsync(mailbox, "Subject: x\r\n\r\nx\r\n"u8.ToArray());
        }

        await api.DeleteMessagesAsync(address, mailbox, 2);

        Assert.Equal(
            "GET directory, GET mailboxes, GET mailboxes query", await CountAsync(HttpMethod.Get, $"accounts/{address}/messages?top=3"));
        var (_, page) = await api.GetAsync($"accounts/{address}/messages?top=3");
        Assert.Equal(
            "GET directory, GET mailboxes query",
            await CountAsync(HttpMethod.Get, $"accounts/{address}/messages?top=3&continuation={page.GetProperty("continuation")}"));
        Assert.Equal("GET directory, GET mailboxes", await CountAsync(HttpMethod.Get, $"accounts/{address}/messages/1"));
        Assert.Equal(
            "GET directory, GET mailboxes, GET mailboxes, POST $batch",
            await CountAsync(HttpMethod.Post, $"accounts/{address}/messages/2/restore"));
        Assert.Equal("GET directory, GET mailboxes query", await CountAsync(HttpMethod.Get, $"accounts/{address}/export"));
    }

    [Fact]
    public async Task Restore_OfADeletedMailbox_TakesThreeRequestsAMessage()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        await api.DeliverAsync(mailbox, "Subject: x\r\n\r\nx\r\n"u8.ToArray());
        await api.DeliverAsync(mailbox, "Subject: y\r\n\r\ny\r\n"u8.ToArray());
        Assert.Equal("DELETE directory, GET directory, PUT mailboxes", await CountAsync(HttpMethod.Delete, $"accounts/{address}"));
        await api.PutAsync($"accounts/{address}", new { password = TestedApi.Password });

        Assert.Equal(
            "GET directory, GET mailboxes, GET mailboxes query", await CountAsync(HttpMethod.Get, $"accounts/{address}/deleted-mailboxes"));
        Assert.Equal(
            string.Join(", ", ((string[])
            [
                // whose it is, that it is kept, what is in it
                "GET directory", "GET directory", "GET mailboxes query", "GET mailboxes query", "PUT mailboxes",
                "PUT references", "GET mailboxes", "POST $batch", "PUT references", "GET mailboxes", "POST $batch",
            ]).Order()),
            await CountAsync(HttpMethod.Post, $"accounts/{address}/deleted-mailboxes/{mailbox}/restore"));
    }

    [Fact]
    public async Task Traces_ByIdOrByAddress_TakeOneQueryForEachDay()
    {
        var at = new DateTimeOffset(2026, 3, 2, 12, 0, 0, TimeSpan.Zero);
        var id = Core.Envelopes.MessageName.NewId(at);
        await api.Services.GetRequiredService<ITraceWriter>().WriteAsync(
            [new TraceEvent { MessageId = id, At = at, Kind = TraceKind.Delivered, Addresses = ["counted@example.test"] }],
            CancellationToken.None);

        Assert.Equal("GET traces query", await CountAsync(HttpMethod.Get, $"traces?id={id}"));
        Assert.Equal(
            "GET traces query, GET traces query, GET traces query",
            await CountAsync(HttpMethod.Get, "traces?address=counted@example.test&from=2026-03-01T13:00:00Z&to=2026-03-03T01:00:00Z"));
    }

    [Fact]
    public async Task Import_ThousandAccounts_TakesTwoTableRequestsEach()
    {
        var name = TestedApi.NewName();
        var file =
            string.Concat(Enumerable.Range(0, 1000)
                .Select(i => $$"""{"address": "{{name}}-{{i}}@example.test", "verifier": "{{AccountImportTests.Verifier}}"}""" + "\n"));
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(file))
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/x-ndjson") },
        };

        var requests = (await api.CountAsync(() => api.SendAsync(HttpMethod.Post, "accounts/import", content))).Split(", ");

        Assert.Equal(1000, requests.Count(r => r == "GET directory"));
        Assert.Equal(1000, requests.Count(r => r == "POST directory"));
        Assert.InRange(requests.Length, 2001, 2001 + 32); // the domain, until the first line has it
    }

    private Task<string> CountAsync(HttpMethod method, string path, object? body = null) => api.CountAsync(async () =>
    {
        using var content = body is null ? null : JsonContent.Create(body);
        var (status, _) = await api.SendAsync(method, path, content);
        Assert.True((int)status < 300, $"{method} {path}: {status}");
    });
}
