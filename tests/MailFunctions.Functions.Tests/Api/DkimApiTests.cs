using System.Net;
using System.Text.Json;
using Azure.Data.Tables;
using MailFunctions.Core.Directory;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>DKIM keys and the records of a domain, by the routes that the postmaster has.</summary>
public sealed class DkimApiTests(TestedApi api)
{
    [Fact]
    public async Task Domain_Made_HasBothKeysInUseAndListsTheirRecordsWhole()
    {
        var domain = await DomainAsync();

        var shown = (await api.GetAsync($"domains/{domain}")).Body;

        Assert.Equal(["rsa active", "ed25519 active"], Selectors(shown).Select(s => $"{s.Algorithm} {s.State}"));
        var records = Records(shown);
        var rsa = records.Single(r => r.Name == $"{Selectors(shown)[0].Name}._domainkey.{domain}");
        Assert.StartsWith("v=DKIM1; k=rsa; p=MIIB", rsa.Value, StringComparison.Ordinal);
        Assert.InRange(rsa.Value.Length, 400, 420);
        Assert.Equal(
            32,
            Convert.FromBase64String(records.Single(r => r.Name.StartsWith(Selectors(shown)[1].Name, StringComparison.Ordinal))
                .Value["v=DKIM1; k=ed25519; p=".Length..])
                .Length);
        Assert.Equal(
            ["MX", "SRV", "SRV", "TXT", "TXT", "TXT", "TXT", "TXT", "TXT"],
            records.Select(r => r.Type).Order());
        Assert.All(records, r => Assert.Null(r.Result));
    }

    [Fact]
    public async Task Rotation_PublishesThenUsesThenRetires()
    {
        var domain = await DomainAsync();
        var before = Selectors((await api.GetAsync($"domains/{domain}")).Body);

        var (status, made) = await PostAsync($"domains/{domain}/dkim");

        Assert.Equal(HttpStatusCode.Created, status);
        Assert.Equal(["active", "active", "published", "published"], Selectors(made).Select(s => s.State));
        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync($"domains/{domain}/dkim")).Status); // one at a time
        var (refused, problem) = await PostAsync($"domains/{domain}/dkim/activate");
        Assert.Equal(HttpStatusCode.Conflict, refused);
        Assert.Contains(
            $"{Selectors(made)[2].Name}._domainkey.{domain}: missing", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(4, Selectors((await api.GetAsync($"domains/{domain}")).Body).Count(s => s.State is "active" or "published"));

        foreach (var record in Records(made).Where(r => r.Name.Contains("_domainkey", StringComparison.Ordinal)))
        {
            api.Dns.AddText(record.Name, record.Value);
        }

        var (done, activated) = await PostAsync($"domains/{domain}/dkim/activate");
        Assert.Equal(HttpStatusCode.OK, done);
        Assert.Equal(["retiring", "retiring", "active", "active"], Selectors(activated).Select(s => s.State));
        Assert.All(activated.GetProperty("dkim").EnumerateArray().Take(2), s =>
            Assert.InRange(
                s.GetProperty("removeAt").GetDateTimeOffset() - DateTimeOffset.UtcNow, TimeSpan.FromDays(6.9), TimeSpan.FromDays(7)));
        Assert.Equal(4, Records(activated).Count(r => r.Name.Contains("_domainkey", StringComparison.Ordinal))); // the old ones too
        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync($"domains/{domain}/dkim/activate")).Status); // nothing is new

        // in use
        Assert.Equal(
            HttpStatusCode.Conflict,
            (await api.SendAsync(HttpMethod.Delete, $"domains/{domain}/dkim/{Selectors(activated)[2].Name}")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Delete, $"domains/{domain}/dkim/{before[0].Name}")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await api.SendAsync(HttpMethod.Delete, $"domains/{domain}/dkim/{before[0].Name}")).Status);
        Assert.Equal(3, Selectors((await api.GetAsync($"domains/{domain}")).Body).Count);
    }

    [Fact]
    public async Task Activate_WithAnotherKeyInDns_IsRefusedUnlessForced()
    {
        var domain = await DomainAsync();
        var made = (await PostAsync($"domains/{domain}/dkim")).Body;
        api.Dns.AddText($"{Selectors(made)[2].Name}._domainkey.{domain}", "v=DKIM1; k=rsa; p=AAAA");

        var (refused, problem) = await PostAsync($"domains/{domain}/dkim/activate?force=false");
        Assert.Equal(HttpStatusCode.Conflict, refused);
        Assert.Contains("differs", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync($"domains/{domain}/dkim/activate?force=yes")).Status);

        Assert.Equal(HttpStatusCode.OK, (await PostAsync($"domains/{domain}/dkim/activate?force=true")).Status);
    }

    [Theory]
    [InlineData("dkim")]
    [InlineData("dkim/activate?force=true")]
    public async Task Rotation_WithAnETagOfBefore_Is412AndChangesNothing(string path)
    {
        var domain = await DomainAsync();
        if (path != "dkim")
        {
            await PostAsync($"domains/{domain}/dkim");
        }

        using var before = await api.Http.GetAsync($"domains/{domain}", TestContext.Current.CancellationToken);
        await api.PutAsync($"domains/{domain}", new { enabled = true });
        var stored = (await SecretsAsync(domain)).Count;

        using var request = new HttpRequestMessage(HttpMethod.Post, $"domains/{domain}/{path}");
        request.Headers.TryAddWithoutValidation("If-Match", before.Headers.GetValues("ETag").Single());
        using var answer = await api.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.PreconditionFailed, answer.StatusCode);
        Assert.Equal(stored, (await SecretsAsync(domain)).Count);
    }

    [Fact]
    public async Task Domain_PutAgain_KeepsItsKeysAndDeletedLosesThem()
    {
        var domain = await DomainAsync();
        var before = Selectors((await api.GetAsync($"domains/{domain}")).Body);
        await api.PutAsync($"domains/{domain}", new { enabled = false });
        Assert.Equal(before, Selectors((await api.GetAsync($"domains/{domain}")).Body));
        var secrets = await SecretsAsync(domain);
        Assert.All(secrets, s => Assert.True(File.Exists(Path.Combine(api.DkimKeyDirectory, s + ".pem"))));

        Assert.Equal(HttpStatusCode.NoContent, (await api.SendAsync(HttpMethod.Delete, $"domains/{domain}")).Status);

        Assert.All(secrets, s => Assert.False(File.Exists(Path.Combine(api.DkimKeyDirectory, s + ".pem"))));
    }

    [Fact]
    public async Task PrivateKeys_AreInNoAnswerAndNoRow()
    {
        var domain = await DomainAsync();
        var answers = new List<string>
        {
            (await PostAsync($"domains/{domain}/dkim")).Body.GetRawText(),
            (await PostAsync($"domains/{domain}/dkim/activate?force=true")).Body.GetRawText(),
            (await api.GetAsync($"domains/{domain}?check=true")).Body.GetRawText(),
            (await api.GetAsync("domains?top=1000")).Body.GetRawText(),
        };
        var row = (await api.Services.GetRequiredService<TableServiceClient>().GetTableClient("domains").GetEntityAsync<TableEntity>(
            "domain", domain, cancellationToken: TestContext.Current.CancellationToken)).Value;
        answers.Add(string.Join('\n', row.Select(c => c.Value)));

        var secrets = await SecretsAsync(domain);
        Assert.Equal(4, secrets.Count);
        foreach (var secret in secrets)
        {
            var pem =
                await File.ReadAllTextAsync(Path.Combine(api.DkimKeyDirectory, secret + ".pem"), TestContext.Current.CancellationToken);
            var lines = pem.Split('\n').Where(l => !l.StartsWith('-') && l.Length > 20).ToList();
            Assert.NotEmpty(lines);
            Assert.All(answers, a => Assert.DoesNotContain(lines, l => a.Contains(l[..20], StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task Check_SaysOfEveryRecordWhatDnsHas()
    {
        var domain = await DomainAsync();
        var records = Records((await api.GetAsync($"domains/{domain}")).Body);
        var rsa = records.First(r => r.Name.Contains("_domainkey", StringComparison.Ordinal));
        api.Dns.AddMx(domain, 5, $"mail.{domain}").AddMx(domain, 20, "backup.test")
            .AddText(domain, "some-verification=1").AddText(domain, "v=spf1 ip4:192.0.2.1 +MX -all")
            .AddText(rsa.Name, rsa.Value.Replace("k=rsa; ", "t=s; ", StringComparison.Ordinal).Insert(60, " "))
            .AddText($"_dmarc.{domain}", "v=DMARC1; p=reject").AddText($"_dmarc.{domain}", "v=DMARC1; p=none")
            .AddText($"_smtp._tls.{domain}", "v=TLSRPTv1; rua=https://reports.test/")
            .AddService($"_submissions._tcp.{domain}", 465, "other.test").AddService($"_pop3s._tcp.{domain}", 995, $"MAIL.{domain}");

        var shown = Records((await api.GetAsync($"domains/{domain}?check=true")).Body);

        Assert.Equal(
            ["MX ok", "TXT ok", "TXT ok", "TXT missing", "TXT differs", "TXT missing", "TXT ok", "SRV differs", "SRV ok"],
            shown.Select(r => $"{r.Type} {r.Result}"));
        Assert.Equal([$"5 mail.{domain}.", "20 backup.test."], shown[0].Found);
        Assert.Equal(["v=spf1 ip4:192.0.2.1 +MX -all"], shown[1].Found); // not what else stands there
        Assert.Equal(2, shown[4].Found!.Count);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetAsync($"domains/{domain}?check=maybe")).Status);
    }

    [Fact]
    public async Task Check_ManyAndLongRecords_ShowsSomeOfThemAndNotAllOfIt()
    {
        var domain = await DomainAsync();
        for (var i = 0; i < 12; i++)
        {
            api.Dns.AddText(domain, $"v=spf1 mx a:{i}.test");
        }

        api.Dns.AddText($"_dmarc.{domain}", "v=DMARC1; p=none; x=" + new string('x', 1200));

        var shown = Records((await api.GetAsync($"domains/{domain}?check=true")).Body);

        Assert.Equal("differs", shown[1].Result); // several are as good as none (RFC 7208 §4.5)
        Assert.Equal(10, shown[1].Found!.Count);
        Assert.Equal(1024, Assert.Single(shown[4].Found!).Length);
    }

    [Fact]
    public async Task Check_DnsInTrouble_SaysUnknownAndActivatesNothing()
    {
        var domain = $"trouble-{await DomainAsync()}";
        await api.PutAsync($"domains/{domain}", new { });
        await PostAsync($"domains/{domain}/dkim");

        Assert.All(Records((await api.GetAsync($"domains/{domain}?check=true")).Body), r => Assert.Equal(
            ("unknown", 0), (r.Result, r.Found!.Count)));
        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync($"domains/{domain}/dkim/activate")).Status);
    }

    private async Task<string> DomainAsync()
    {
        var domain = TestedApi.NewName() + ".test";
        Assert.Equal(HttpStatusCode.Created, (await api.PutAsync($"domains/{domain}", new { })).Status);
        return domain;
    }

    private Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path) => api.SendAsync(HttpMethod.Post, path);

    /// <summary>The names of the domain's private keys.</summary>
    private async Task<IReadOnlyList<string>> SecretsAsync(string domain) =>
        [.. (await api.Services.GetRequiredService<IDirectoryStore>()
            .FindDomainAsync(domain, TestContext.Current.CancellationToken))!.DkimKeys.Select(k => k.Secret)];

    private static List<(string Name, string Algorithm, string State)> Selectors(JsonElement domain) =>
    [
        .. domain.GetProperty("dkim").EnumerateArray()
            .Select(
                s => (
                    s.GetProperty("selector").GetString()!, s.GetProperty("algorithm").GetString()!, s.GetProperty("state").GetString()!)),
    ];

    private static List<Record> Records(JsonElement domain) =>
        [.. domain.GetProperty("dnsRecords").EnumerateArray().Select(r => r.Deserialize<Record>(JsonSerializerOptions.Web)!)];

    private sealed record Record(string Name, string Type, string Value, string Purpose, string? Result, IReadOnlyList<string>? Found);
}
