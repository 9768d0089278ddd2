using System.Net;
using System.Net.Http.Json;
using MailFunctions.Core.Directory;
using MailFunctions.Functions.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>What the directory refuses, and whom it takes for the postmaster.</summary>
public sealed class DirectoryApiTests(TestedApi api)
{
    [Fact]
    public async Task Alias_ThatWouldGoRoundByATagOrTheCatchAll_IsRefused()
    {
        var domain = await DomainAsync();
        Assert.Equal(HttpStatusCode.Created, await AliasAsync($"a@{domain}", $"b+tag@{domain}"));
        Assert.Equal(HttpStatusCode.BadRequest, await AliasAsync($"b@{domain}", $"a@{domain}"));
        Assert.Equal(HttpStatusCode.BadRequest, await AliasAsync($"*@{domain}", $"nobody@{domain}"));
        Assert.Equal(HttpStatusCode.BadRequest, await AliasAsync($"self@{domain}", $"self@{domain}"));
    }

    [Fact]
    public async Task Alias_BehindTenOthers_IsRefused()
    {
        var domain = await DomainAsync();
        Assert.Equal(HttpStatusCode.Created, await AliasAsync($"a1@{domain}", "x@elsewhere.test"));
        for (var i = 2; i <= RecipientResolver.MaxDepth; i++)
        {
            Assert.Equal(HttpStatusCode.Created, await AliasAsync($"a{i}@{domain}", $"a{i - 1}@{domain}"));
        }

        Assert.Equal(HttpStatusCode.BadRequest, await AliasAsync($"a11@{domain}", $"a10@{domain}"));
    }

    [Theory]
    [InlineData("no address")]
    [InlineData("postmaster@{0}")]
    [InlineData("abuse+x@{0}")]
    public async Task Domain_PostmasterThatCanBeNobody_IsRefused(string postmaster)
    {
        var domain = await DomainAsync();

        var (status, problem) = await api.PutAsync(
            $"domains/{domain}", new { postmaster = string.Format(System.Globalization.CultureInfo.InvariantCulture, postmaster, domain) });

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.True(problem.GetProperty("errors").TryGetProperty("postmaster", out _));
    }

    [Fact]
    public async Task Domain_WithAPostmaster_ShowsIt()
    {
        var domain = await DomainAsync();
        await api.PutAsync($"domains/{domain}", new { postmaster = "alice@example.test" });

        Assert.Equal("alice@example.test", (await api.GetAsync($"domains/{domain}")).Body.GetProperty("postmaster").GetString());
    }

    [Fact]
    public async Task Domain_Patched_KeepsWhatIsNotNamed()
    {
        var domain = await DomainAsync();
        await api.PutAsync($"domains/{domain}", new { postmaster = "alice@example.test" });

        await PatchAsync(new { enabled = false });
        var (_, changed) = await api.GetAsync($"domains/{domain}");
        Assert.Equal(
            ("alice@example.test", false), (changed.GetProperty("postmaster").GetString(), changed.GetProperty("enabled").GetBoolean()));
        Assert.Equal(HttpStatusCode.BadRequest, await PatchAsync(new { postmaster = "no address" }));
        await PatchAsync(new { postmaster = "" });
        (_, changed) = await api.GetAsync($"domains/{domain}");
        Assert.False(changed.TryGetProperty("postmaster", out _) || changed.GetProperty("enabled").GetBoolean());
        Assert.Equal(2, changed.GetProperty("dkim").GetArrayLength());
        Assert.Equal(
            HttpStatusCode.NotFound, (await api.SendAsync(HttpMethod.Patch, $"domains/no-{domain}", JsonContent.Create(new { }))).Status);

        async Task<HttpStatusCode> PatchAsync(object body) =>
            (await api.SendAsync(HttpMethod.Patch, $"domains/{domain}", JsonContent.Create(body))).Status;
    }

    [Fact]
    public async Task Account_SendAs_IsSetKeptAndTakenAway()
    {
        var domain = await DomainAsync();
        var path = $"accounts/b@{domain}";
        var (status, made) =
            await api.PutAsync(
                path, new { password = TestedApi.Password, sendAs = new[] { $"Boss@{domain}", $"boss@{domain}", "*@far.test" } });

        Assert.Equal((HttpStatusCode.Created, $"Boss@{domain} *@far.test"), (status, SendAs(made)));
        await api.SendAsync(HttpMethod.Patch, path, JsonContent.Create(new { displayName = "B" }));
        Assert.Equal($"Boss@{domain} *@far.test", SendAs((await api.GetAsync(path)).Body));
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await api.SendAsync(HttpMethod.Patch, path, JsonContent.Create(new { sendAs = new[] { "far.test" } }))).Status);
        await api.PutAsync(path, new { enabled = true });
        Assert.Equal("", SendAs((await api.GetAsync(path)).Body));

        static string SendAs(System.Text.Json.JsonElement account) =>
            string.Join(' ', account.GetProperty("sendAs").EnumerateArray().Select(a => a.GetString()));
    }

    [Theory]
    [InlineData("domains/{0}")]
    [InlineData("aliases/a@{0}")]
    [InlineData("accounts/b@{0}")]
    public async Task Write_WithAnETagOfBefore_Is412(string path)
    {
        var domain = await DomainAsync();
        await AliasAsync($"a@{domain}", "x@elsewhere.test");
        await api.PutAsync($"accounts/b@{domain}", new { password = TestedApi.Password });
        path = string.Format(System.Globalization.CultureInfo.InvariantCulture, path, domain);
        using var before = await api.Http.GetAsync(path);
        object body = path.StartsWith("aliases", StringComparison.Ordinal) ? new
        {
            targets = new[] { "y@elsewhere.test" },
        } : new { enabled = true };
        Assert.Equal(HttpStatusCode.OK, (await api.PutAsync(path, body)).Status);

        foreach (var method in (HttpMethod[])[HttpMethod.Put, HttpMethod.Delete])
        {
            using var request = new HttpRequestMessage(method, path)
            {
                Content = method == HttpMethod.Put ? JsonContent.Create(body) : null,
            };
            request.Headers.TryAddWithoutValidation("If-Match", before.Headers.GetValues("ETag").Single());
            using var answer = await api.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.PreconditionFailed, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("PUT", "domains/{0}", """{"enabled": true}""")]
    [InlineData("PATCH", "domains/{0}", """{"enabled": true}""")]
    [InlineData("PUT", "aliases/a@{0}", """{"targets": ["x@elsewhere.test"]}""")]
    [InlineData("PUT", "accounts/b@{0}", """{"displayName": "B"}""")]
    [InlineData("PATCH", "accounts/b@{0}", """{"displayName": "B"}""")]
    [InlineData("PUT", "accounts/b@{0}/password", """{"password": "another good password"}""")]
    [InlineData("POST", "accounts/b@{0}/app-passwords", """{"label": "phone"}""")]
    public async Task Write_Done_TellsTheETagThatAReadWouldAndThatTheNextWriteNeeds(string method, string path, string body)
    {
        var domain = await DomainAsync();
        await AliasAsync($"a@{domain}", "y@elsewhere.test");
        await api.PutAsync($"accounts/b@{domain}", new { password = TestedApi.Password });
        path = string.Format(System.Globalization.CultureInfo.InvariantCulture, path, domain);
        var etag = await ETagAsync(HttpMethod.Get, string.Join('/', path.Split('/').Take(2)), null, null);

        for (var i = 0; i < 3; i++)
        {
            var next = await ETagAsync(new HttpMethod(method), path, body, etag);
            Assert.NotEqual(etag, next);
            etag = next;
        }

        Assert.Equal(etag, await ETagAsync(HttpMethod.Get, string.Join('/', path.Split('/').Take(2)), null, null));
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("a@b@c")]
    public void PostmasterSetting_ThatIsNoAddress_StopsTheStartWithItsName(string value)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("MailPostmaster", value)]).Build();

        var fault =
            Assert.Throws<System.ComponentModel.DataAnnotations.ValidationException>(
                () => new ServiceCollection().AddAdminApi(configuration));

        Assert.Equal($"MailPostmaster: '{value}' is no address of the form local-part@domain.", fault.Message);
    }

    private async Task<string> ETagAsync(HttpMethod method, string path, string? body, string? ifMatch)
    {
        using var request = new HttpRequestMessage(method, path)
        {
            Content = body is null ? null : new StringContent(body, null, "application/json"),
        };
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        using var answer = await api.Http.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {answer.StatusCode}");
        return answer.Headers.GetValues("ETag").Single();
    }

    [Fact]
    public async Task AppPassword_AfterItsUse_ShowsWhen()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        var (_, made) =
            await api.SendAsync(HttpMethod.Post, $"accounts/{address}/app-passwords", JsonContent.Create(new { label = "phone" }));
        Assert.Equal(["createdAt", "id", "label", "password"], made.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal(made.GetProperty("id").GetString(), Core.Accounts.GeneratedPassword.IdOf(made.GetProperty("password").GetString()!));
        Assert.False((await OnlyAsync(address)).TryGetProperty("lastUsedAt", out _));
        var at = DateTimeOffset.UtcNow;

        await api.Services.GetRequiredService<Core.Accounts.IAppPasswordUse>()
            .RecordAsync(
                mailbox, Core.Addresses.EmailAddress.Parse(address)!, made.GetProperty("id").GetString()!, at, CancellationToken.None);

        var shown = await OnlyAsync(address);
        Assert.Equal(at, shown.GetProperty("lastUsedAt").GetDateTimeOffset());
        Assert.False(shown.TryGetProperty("password", out _));
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await api.SendAsync(HttpMethod.Delete, $"accounts/{address}/app-passwords/{made.GetProperty("id")}")).Status);
        Assert.Equal(0, (await api.GetAsync($"accounts/{address}/app-passwords")).Body.GetProperty("items").GetArrayLength());
    }

    private async Task<System.Text.Json.JsonElement> OnlyAsync(string address) =>
        Assert.Single((await api.GetAsync($"accounts/{address}/app-passwords")).Body.GetProperty("items").EnumerateArray());

    private async Task<string> DomainAsync()
    {
        var domain = TestedApi.NewName() + ".test";
        Assert.Equal(HttpStatusCode.Created, (await api.PutAsync($"domains/{domain}", new { })).Status);
        return domain;
    }

    private async Task<HttpStatusCode> AliasAsync(string alias, string target) =>
        (await api.PutAsync($"aliases/{alias}", new { targets = new[] { target } })).Status;
}
