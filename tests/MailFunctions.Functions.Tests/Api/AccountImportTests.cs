using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Core.Directory;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>Many accounts at once.</summary>
public sealed class AccountImportTests(TestedApi api)
{
    internal static readonly string Verifier = Write(ScramVerifier.Create("imported password"));

    [Fact]
    public async Task Import_Csv_MakesGoodLinesAndTellsWhatIsWrongWithOthers()
    {
        var name = TestedApi.NewName();
        var file =
            $"address,displayName,verifier,quotaBytes\r\n{name}a@example.test,\"A, \"\"B\"\"\",{Verifier},5000\r\n\r\nno "
            + $"address,,{Verifier},\r\n"
            + $"{name}b@example.test,,{Verifier},many\r\n{name}c@example.test,\"open,{Verifier},\r\n{name}d@no-such.test,,{Verifier},\r\n"
                + $"{name}e@example.test,,,\r\n{name}f@example.test,,{Verifier},";

        var lines = await ImportAsync(file, "text/csv");

        Assert.Equal(["2 created", "4 refused", "5 refused", "6 refused", "7 refused", "8 refused", "9 created"], lines.Select(Result));
        Assert.Equal(
            ["address", "quotaBytes", "line", "address", "password"],
            lines[1..6].Select(l => l.GetProperty("errors").EnumerateObject().First().Name));
        var made = (AccountEntry)(await FindAsync($"{name}a@example.test"))!;
        Assert.Equal(("A, \"B\"", 5000L), (made.DisplayName, made.QuotaBytes));
        Assert.True(made.Password!.Matches("imported password"));
    }

    [Fact]
    public async Task Import_Twice_ChangesNothing()
    {
        var name = TestedApi.NewName();
        var file = $$"""{"address": "{{name}}@example.test", "verifier": "{{Verifier}}", "displayName": "first"}""" + "\n{\n";
        Assert.Equal(["1 created", "2 refused"], (await ImportAsync(file, "application/x-ndjson")).Select(Result));
        var before = await FindAsync($"{name}@example.test");

        Assert.Equal(
            ["1 exists", "2 refused"],
            (await ImportAsync(file.Replace("first", "second", StringComparison.Ordinal), "application/x-ndjson")).Select(Result));

        Assert.Equal(before!.ETag, (await FindAsync($"{name}@example.test"))!.ETag);
    }

    [Fact]
    public async Task Import_LineTooLong_IsRefusedAndTheNextOneMade()
    {
        var name = TestedApi.NewName();

        var lines = await ImportAsync(new string('x', 1_000_000)
            + $$"""{{"\n"}}{"address": "{{name}}@example.test", "verifier": "{{Verifier}}"}""", "application/x-ndjson");

        Assert.Equal(["1 refused", "2 created"], lines.Select(Result));
    }

    [Theory]
    [InlineData("SCRAM-SHA-256$1:c2FsdHNhbHQ=$AAAA:AAAA")]
    [InlineData("SCRAM-SHA-1$600000:a$b:c")]
    [InlineData("")]
    public async Task Import_WeakOrMalformedVerifier_IsRefused(string verifier) =>
        Assert.Equal(
            ["1 refused"],
            (await ImportAsync($$"""{"address": "weak@example.test", "verifier": "{{verifier}}"}""", "application/x-ndjson"))
                .Select(Result));

    [Theory]
    [InlineData("text/csv", "name\r\nx", HttpStatusCode.BadRequest)]
    [InlineData("text/plain", "x", HttpStatusCode.UnsupportedMediaType)]
    public async Task Import_NotSuchAFile_IsAProblem(string type, string file, HttpStatusCode expected)
    {
        using var content = Content(file, type);
        Assert.Equal(expected, (await api.SendAsync(HttpMethod.Post, "accounts/import", content)).Status);
    }

    private async Task<List<JsonElement>> ImportAsync(string file, string type)
    {
        using var content = Content(file, type);
        using var answer = await api.Http.PostAsync("accounts/import", content, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, text);
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
    }

    private static ByteArrayContent Content(string file, string type) =>
        new(Encoding.UTF8.GetBytes(file)) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };

    private static string Result(JsonElement line) => $"{line.GetProperty("line")} {line.GetProperty("result")}";

    private ValueTask<DirectoryEntry?> FindAsync(string address) =>
        api.Services.GetRequiredService<IDirectoryStore>().FindEntryAsync(EmailAddress.Parse(address)!, CancellationToken.None);

    private static string Write(ScramVerifier v) =>
        $"SCRAM-SHA-256${v.Iterations}:{Convert.ToBase64String(v.Salt)}"
        + $"${Convert.ToBase64String(v.StoredKey)}:{Convert.ToBase64String(v.ServerKey)}";
}
