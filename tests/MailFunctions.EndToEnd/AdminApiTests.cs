using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>Domains, accounts and aliases through the API, as a postmaster's script uses them.</summary>
public sealed class AdminApiTests(SharedStack shared)
{
    private static readonly string Unique = Guid.NewGuid().ToString("N")[..8];
    private static int _names;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Domain_MadeReplacedAndDeleted_AnswersAsTheDesignSays()
    {
        var domain = NewDomain();

        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync($"domains/{domain}")).Status);
        Assert.Equal(HttpStatusCode.Created, (await PutAsync($"domains/{domain}", new { })).Status);
        var (replaced, body) = await PutAsync($"domains/{domain}", new { enabled = false });
        Assert.Equal(HttpStatusCode.OK, replaced);
        Assert.False(body.GetProperty("enabled").GetBoolean());
        var (_, one) = await GetAsync($"domains/{domain}");
        Assert.Contains(one.GetProperty("dnsRecords").EnumerateArray(), r => r.GetProperty("type").GetString() == "MX");
        Assert.Equal(HttpStatusCode.NoContent, (await DeleteAsync($"domains/{domain}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await DeleteAsync($"domains/{domain}")).Status);
    }

    [Fact]
    public async Task Domain_InULabels_IsStoredAsALabelsAndShownAsBoth()
    {
        var label = "bücher" + Unique;
        var (created, body) = await PutAsync($"domains/{Uri.EscapeDataString(label + ".test")}", new { });

        Assert.Equal(HttpStatusCode.Created, created);
        Assert.StartsWith("xn--", body.GetProperty("name").GetString(), StringComparison.Ordinal);
        Assert.Equal(label + ".test", body.GetProperty("displayName").GetString());
        Assert.Equal(HttpStatusCode.OK, (await PutAsync($"domains/{body.GetProperty("name").GetString()}", new { })).Status);
    }

    [Fact]
    public async Task Domain_WithAccounts_CannotBeDeleted()
    {
        var domain = NewDomain();
        await PutAsync($"domains/{domain}", new { });
        await PutAsync($"accounts/a@{domain}", new { password = SharedStack.Password });

        var (status, problem) = await DeleteAsync($"domains/{domain}");

        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Contains("delete them first", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Account_FromPutToDelete_LivesAsTheDesignSays()
    {
        var address = NewAddress();
        var (created, body) =
            await PutAsync($"accounts/{address}", new { password = SharedStack.Password, displayName = "Ä. B.", quotaBytes = 1_000_000 });
        Assert.Equal(HttpStatusCode.Created, created);
        Assert.Equal(1_000_000, body.GetProperty("quotaBytes").GetInt64());
        Assert.DoesNotContain("assword\":", body.GetRawText(), StringComparison.Ordinal);

        var (_, patched) = await SendAsync(HttpMethod.Patch, $"accounts/{address}", new { enabled = false });
        Assert.False(patched.GetProperty("enabled").GetBoolean());
        Assert.Equal("Ä. B.", patched.GetProperty("displayName").GetString()); // the rest stays

        var (_, replaced) = await PutAsync($"accounts/{address}", new { enabled = true });
        Assert.False(replaced.TryGetProperty("displayName", out _)); // PUT replaces all but the password
        Assert.Equal(HttpStatusCode.NoContent, (await DeleteAsync($"accounts/{address}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync($"accounts/{address}")).Status);
    }

    [Fact]
    public async Task Account_MadeAgain_DoesNotSeeTheMailOfTheOneBefore()
    {
        var account = await shared.CreateAccountAsync();
        await MailDialogs.SendAsync(shared.Stack.Smtp, account.Address, "Subject: old\r\n\r\nold\r\n"u8.ToArray());
        await MailDialogs.WaitForMailAsync(shared.Stack, account, 1);
        await DeleteAsync($"accounts/{account.Address}");

        await PutAsync($"accounts/{account.Address}", new { password = "another good password" });

        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, account with { Password = "another good password" }));
    }

    [Fact]
    public async Task Account_MadeAMomentAgo_CanReceiveThoughItWasAskedForBefore()
    {
        var address = NewAddress();
        await using (var smtp = await RawClient.ConnectAsync(shared.Stack.Smtp))
        {
            await smtp.ReadReplyAsync();
            await smtp.AskAsync("EHLO x.test");
            await smtp.AskAsync("MAIL FROM:<a@elsewhere.test>");
            Assert.StartsWith("550 5.1.1", await smtp.AskAsync($"RCPT TO:<{address}>"), StringComparison.Ordinal);
        }

        await PutAsync($"accounts/{address}", new { password = SharedStack.Password });

        await using var later = await RawClient.ConnectAsync(shared.Stack.Smtp);
        await later.ReadReplyAsync();
        await later.AskAsync("EHLO x.test");
        await later.AskAsync("MAIL FROM:<a@elsewhere.test>");
        var reply = "";
        for (var i = 0; i < 50 && !reply.StartsWith("250", StringComparison.Ordinal); i++)
        {
            await Task.Delay(100, Token);
            reply = await later.AskAsync($"RCPT TO:<{address}>");
        }

        Assert.StartsWith("250", reply, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Password_Changed_LogsInAtOnceAndTheOldOneNoMore()
    {
        var account = await shared.CreateAccountAsync();
        await MailDialogs.CountAsync(shared.Stack, account);

        Assert.Equal(
            HttpStatusCode.NoContent,
            (await PutAsync($"accounts/{account.Address}/password", new { password = "a new and good one" })).Status);

        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, account with { Password = "a new and good one" }));
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => MailDialogs.CountAsync(shared.Stack, account));
    }

    [Fact]
    public async Task AppPassword_LogsInUntilItIsRevoked_AndIsShownOnce()
    {
        var account = await shared.CreateAccountAsync();
        var (created, made) = await SendAsync(HttpMethod.Post, $"accounts/{account.Address}/app-passwords", new { label = "Phone" });
        Assert.Equal(HttpStatusCode.Created, created);
        var phone = account with { Password = made.GetProperty("password").GetString()! };
        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, phone));
        var (_, list) = await GetAsync($"accounts/{account.Address}/app-passwords");
        Assert.Equal("Phone", list.GetProperty("items")[0].GetProperty("label").GetString());
        Assert.DoesNotContain(phone.Password, list.GetRawText(), StringComparison.Ordinal);

        Assert.Equal(
            HttpStatusCode.NoContent,
            (await DeleteAsync($"accounts/{account.Address}/app-passwords/{made.GetProperty("id").GetString()}")).Status);

        await EventuallyAsync(async () =>
        {
            try
            {
                await MailDialogs.CountAsync(shared.Stack, phone);
                return false;
            }
            catch (Xunit.Sdk.XunitException)
            {
                return true;
            }
        });
    }

    [Fact]
    public async Task Alias_WithSeveralTargets_ReachesThemAll()
    {
        var (a, b) = (await shared.CreateAccountAsync(), await shared.CreateAccountAsync());
        var alias = NewAddress();
        Assert.Equal(HttpStatusCode.Created, (await PutAsync($"aliases/{alias}", new { targets = new[] { a.Address, b.Address } })).Status);

        Assert.StartsWith("250", await MailDialogs.SendAsync(shared.Stack.Smtp, alias, "Subject: team\r\n\r\nx\r\n"u8.ToArray()),
            StringComparison.Ordinal);

        await MailDialogs.WaitForMailAsync(shared.Stack, a, 1);
        await MailDialogs.WaitForMailAsync(shared.Stack, b, 1);
    }

    [Fact]
    public async Task Alias_ThatWouldLoop_IsRefused()
    {
        var (a, b) = (NewAddress(), NewAddress());
        await PutAsync($"aliases/{a}", new { targets = new[] { b } });

        var (status, problem) = await PutAsync($"aliases/{b}", new { targets = new[] { a } });

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("circles", problem.GetProperty("errors").GetProperty("targets")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CatchAll_TakesWhatNobodyElseHas()
    {
        var domain = NewDomain();
        var account = await shared.CreateAccountAsync();
        await PutAsync($"domains/{domain}", new { });
        Assert.Equal(HttpStatusCode.Created, (await PutAsync($"aliases/*@{domain}", new { targets = new[] { account.Address } })).Status);

        Assert.StartsWith(
            "250",
            await MailDialogs.SendAsync(shared.Stack.Smtp, $"anything@{domain}", "Subject: x\r\n\r\nx\r\n"u8.ToArray()),
            StringComparison.Ordinal);

        await MailDialogs.WaitForMailAsync(shared.Stack, account, 1);
    }

    [Fact]
    public async Task Write_WithAnETagThatIsNoLongerTrue_Is412AndChangesNothing()
    {
        var account = await shared.CreateAccountAsync();
        var etag = await ETagAsync($"accounts/{account.Address}");
        await SendAsync(HttpMethod.Patch, $"accounts/{account.Address}", new { displayName = "first" });

        foreach (var (method, body) in (
            (HttpMethod, object?)[])[(HttpMethod.Patch, new { displayName = "second" }), (HttpMethod.Put, new { displayName = "second" }),
            (HttpMethod.Delete, null)])
        {
            Assert.Equal(HttpStatusCode.PreconditionFailed, (await SendAsync(method, $"accounts/{account.Address}", body, etag)).Status);
        }

        Assert.Equal("first", (await GetAsync($"accounts/{account.Address}")).Body.GetProperty("displayName").GetString());
    }

    [Fact]
    public async Task List_PageByPage_GivesEachOnce()
    {
        var domain = NewDomain();
        await PutAsync($"domains/{domain}", new { });
        for (var i = 0; i < 7; i++)
        {
            await PutAsync($"aliases/n{i}@{domain}", new { targets = new[] { "x@elsewhere.test" } });
        }

        var found = new List<string?>();
        string? continuation = null;
        var pages = 0;
        do
        {
            var (_, page) =
                await GetAsync(
                    $"aliases?domain={domain}&top=3{(continuation is null ? "" : "&continuation=" + Uri.EscapeDataString(continuation))}");
            found.AddRange(page.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("address").GetString()));
            continuation = page.TryGetProperty("continuation", out var next) ? next.GetString() : null;
        }
        while (continuation is not null && ++pages < 10);

        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"n{i}@{domain}"), found.Order());
    }

    public static TheoryData<string, string, string, int> Hostile => new()
    {
        { "PUT", "domains/nodots", "{}", 400 },
        { "PUT", "domains/-bad-.test", "{}", 400 },
        { "PUT", "domains/a..test", "{}", 400 },
        { "PUT", "domains/ex'ample.test", "{}", 400 },
        { "PUT", "domains/good.test", "{", 400 },
        { "PUT", "domains/good.test", "null", 400 },
        { "PUT", "domains/good.test", "[]", 400 },
        { "PUT", "domains/good.test", """{"unknown": 1}""", 400 },
        { "PUT", "domains/good.test", """{"enabled": "yes"}""", 400 },
        { "PUT", "accounts/no-address", """{"password": "long enough here"}""", 400 },
        { "PUT", "accounts/x@[127.0.0.1]", """{"password": "long enough here"}""", 400 },
        { "PUT", "accounts/hostile@example.test", "{}", 400 },
        { "PUT", "accounts/hostile@example.test", """{"password": "short"}""", 400 },
        { "PUT", "accounts/hostile@example.test", """{"password": "control\u0007character"}""", 400 },
        { "PUT", "accounts/hostile@example.test", """{"password": 5}""", 400 },
        { "PUT", "accounts/hostile@example.test", """{"password": "long enough here", "quotaBytes": -1}""", 400 },
        { "PUT", "accounts/hostile@example.test", """{"password": "long enough here", "forwardTo": ["x"]}""", 400 },
        { "PUT", "accounts/hostile@example.test", """{"password": "long enough here", "forwardTo": ["hostile@example.test"]}""", 400 },
        { "PUT", "accounts/hostile%2Btag@example.test", """{"password": "long enough here"}""", 400 },
        { "PUT", "accounts/x@no-such-domain.test", """{"password": "long enough here"}""", 404 },
        { "PUT", "aliases/hostile@example.test", """{"targets": []}""", 400 },
        { "PUT", "aliases/hostile@example.test", """{"targets": ["a b"]}""", 400 },
        { "PUT", "aliases/hostile@example.test", """{"targets": null}""", 400 },
        { "PUT", "aliases/bob@example.test", """{"targets": ["a@b.test"]}""", 409 },
        { "GET", "accounts?top=0", "", 400 },
        { "GET", "accounts?top=100000", "", 400 },
        { "GET", "accounts?domain='", "", 400 },
        { "GET", "accounts/..%2F..%2Fkeys", "", 400 },
        { "GET", "accounts/%25@[x]", "", 400 },
        { "PATCH", "accounts/nobody@example.test", "{}", 404 },
        { "DELETE", "accounts/nobody@example.test", "", 404 },
        { "PUT", "accounts/nobody@example.test/password", """{"password": "long enough here"}""", 404 },
        { "POST", "accounts/bob@example.test/app-passwords", """{"label": ""}""", 400 },
        { "DELETE", "accounts/bob@example.test/app-passwords/none", "", 404 },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task Request_ThatIsWrong_IsAProblemThatSaysWhy(string method, string path, string body, int expected)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body.Length > 0)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using var answer = await shared.Admin.SendAsync(request, Token);

        Assert.Equal(expected, (int)answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Token)).RootElement;
        Assert.Equal(expected, problem.GetProperty("status").GetInt32());
        Assert.True(problem.TryGetProperty("errors", out _) || problem.GetProperty("detail").GetString()!.Length > 10);
        Assert.NotEqual(HttpStatusCode.OK, (await GetAsync("accounts/hostile@example.test")).Status);
    }

    [Theory]
    [InlineData("domains/exa%00mple.test")]
    [InlineData("accounts/%25%00@example.test")]
    public async Task Request_WithANulInItsPath_IsRefusedByTheServerItself(string path) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await GetAsync(path)).Status);

    [Theory]
    [InlineData("domains")]
    [InlineData("accounts")]
    [InlineData("aliases")]
    [InlineData("accounts/bob@example.test/app-passwords")]
    public async Task Request_WithoutAKeyOrWithAWrongOne_Is401(string path)
    {
        using var http = new HttpClient { BaseAddress = shared.Admin.BaseAddress };
        using var none = await http.GetAsync(path, Token);
        http.DefaultRequestHeaders.Add("x-functions-key", "wrong");
        using var wrong = await http.GetAsync(path, Token);

        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), (none.StatusCode, wrong.StatusCode));
    }

    [Fact]
    public async Task Health_NeedsNoKeyAndNamesEachDependency()
    {
        using var http = new HttpClient { BaseAddress = shared.Admin.BaseAddress };

        var health = await http.GetFromJsonAsync<JsonElement>("health", Token);

        Assert.Equal("healthy", health.GetProperty("status").GetString());
        Assert.Equal(
            ["blobs", "bus", "tables"],
            health.GetProperty("dependencies").EnumerateArray().Select(d => d.GetProperty("name").GetString()).Order());
    }

    private static string NewDomain() => $"d{Interlocked.Increment(ref _names)}-{Unique}.test";

    private static string NewAddress() => $"n{Interlocked.Increment(ref _names)}-{Unique}@example.test";

    private Task<(HttpStatusCode Status, JsonElement Body)> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    private Task<(HttpStatusCode Status, JsonElement Body)> PutAsync(string path, object body) => SendAsync(HttpMethod.Put, path, body);

    private Task<(HttpStatusCode Status, JsonElement Body)> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path);

    private async Task<string> ETagAsync(string path)
    {
        using var answer = await shared.Admin.GetAsync(path, Token);
        return answer.Headers.GetValues("ETag").Single();
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(
        HttpMethod method, string path, object? body = null, string? etag = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (etag is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", etag);
        }

        using var answer = await shared.Admin.SendAsync(request, Token);
        var text = await answer.Content.ReadAsStringAsync(Token);
        return (answer.StatusCode, text.Length > 0 ? JsonDocument.Parse(text).RootElement : default);
    }

    /// <summary>Within the 30 s that the caches may take.</summary>
    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        for (var i = 0; i < 40; i++)
        {
            try
            {
                if (await holds())
                {
                    return;
                }
            }
            catch (Xunit.Sdk.XunitException)
            {
                // Not yet.
            }

            await Task.Delay(1000, Token);
        }

        Assert.Fail("Not within 40 s.");
    }
}
