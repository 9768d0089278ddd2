using System.Text.Json;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>The postmaster's day with curl alone, which speaks SMTP and POP3 too: what the handbook shows.</summary>
public sealed class CurlWalkTests(SharedStack shared)
{
    private static readonly string Unique = Guid.NewGuid().ToString("N")[..8];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [ToolFact("curl")]
    public async Task Walk_FromADomainToItsExport_WorksByCurlAlone()
    {
        var domain = $"curl-{Unique}.test";
        using var files = new TemporaryDirectory();
        var (account, alias) = ($"dora@{domain}", $"sales@{domain}");
        var message = files.File("message.eml");
        await File.WriteAllTextAsync(
            message, $"From: sender@elsewhere.test\r\nSubject: walk\r\nMessage-ID: <curl@{domain}>\r\n\r\nFrom curl\r\n", Token);

        Assert.Equal(domain, (await ApiAsync("PUT", $"domains/{domain}", "{}")).GetProperty("name").GetString());
        await ApiAsync("PUT", $"accounts/{account}", $$"""{"password": "{{SharedStack.Password}}"}""");
        await ApiAsync("PUT", $"aliases/{alias}", $$"""{"targets": ["{{account}}"]}""");
        await CurlAsync(
            $"smtp://127.0.0.1:{shared.Stack.Smtp}/client.elsewhere.test", "--mail-from", "sender@elsewhere.test", "--mail-rcpt", alias,
            "--upload-file", message);

        var story = await WaitAsync(() => ItemsAsync($"traces?id=%3Ccurl%40{domain}%3E"), items => items.Count == 3);
        Assert.Equal(["accepted", "delivered", "received"], story.Select(e => e.GetProperty("kind").GetString()!).Order());
        var pop3 = $"pop3://127.0.0.1:{shared.Stack.Pop3}/1";
        Assert.Contains("Subject: walk", await CurlAsync(pop3, "--user", $"{account}:{SharedStack.Password}"), StringComparison.Ordinal);
        await CurlAsync(pop3, "--user", $"{account}:{SharedStack.Password}", "--request", "DELE", "--head");

        var deleted = Assert.Single(await ItemsAsync($"accounts/{account}/messages?deleted=true"));
        var uid = (await ApiAsync("POST", $"accounts/{account}/messages/{deleted.GetProperty("uid")}/restore")).GetProperty("uid");
        Assert.Equal(uid.GetUInt32(), Assert.Single(await ItemsAsync($"accounts/{account}/messages")).GetProperty("uid").GetUInt32());
        var mbox = await AdminAsync($"accounts/{account}/export");
        Assert.StartsWith("From sender@elsewhere.test ", mbox, StringComparison.Ordinal);
        Assert.Contains("\n>From curl", mbox, StringComparison.Ordinal);

        // And the whole account: deleted, made anew, and its mail back.
        await AdminAsync($"accounts/{account}", "--request", "DELETE");
        await ApiAsync("PUT", $"accounts/{account}", $$"""{"password": "{{SharedStack.Password}}"}""");
        Assert.Empty(await ItemsAsync($"accounts/{account}/messages"));
        var kept = Assert.Single(await ItemsAsync($"accounts/{account}/deleted-mailboxes")).GetProperty("id");
        Assert.Equal(
            1, (await ApiAsync("POST", $"accounts/{account}/deleted-mailboxes/{kept}/restore")).GetProperty("restored").GetInt32());
        Assert.Single(await ItemsAsync($"accounts/{account}/messages"));
    }

    private async Task<JsonElement> ApiAsync(string method, string path, string? body = null) => JsonDocument.Parse(await AdminAsync(
        path, [.. (string[])["--request", method], .. body is null ? (string[])[] : ["--json", body]])).RootElement;

    private async Task<List<JsonElement>> ItemsAsync(string path) =>
        [.. JsonDocument.Parse(await AdminAsync(path)).RootElement.GetProperty("items").EnumerateArray()];

    private Task<string> AdminAsync(string path, params string[] arguments) =>
        CurlAsync($"{shared.Stack.AdminUrl}/api/{path}", ["--header", "x-functions-key: " + shared.Stack.AdminKey, .. arguments]);

    private static async Task<string> CurlAsync(string url, params string[] arguments)
    {
        await using var process = ProgramProcess.Start(
            OptionalTool.PathOf("curl"), ["--silent", "--show-error", "--fail-with-body", "--max-time", "60", .. arguments, url]);
        await process.WaitForExitAsync(TimeSpan.FromSeconds(90));
        Assert.True(process.ExitCode == 0, $"curl {url}: {string.Join('\n', process.Errors)} {string.Join('\n', process.Output)}");
        return string.Join('\n', process.Output);
    }

    private static async Task<List<JsonElement>> WaitAsync(Func<Task<List<JsonElement>>> find, Func<List<JsonElement>, bool> good)
    {
        var found = await find();
        for (var i = 0; i < 60 && !good(found); i++)
        {
            await Task.Delay(500, Token);
            found = await find();
        }

        return found;
    }
}
