using System.Text.Json;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>A postmaster's day on the command line, which is the API and nothing else.</summary>
public sealed class PostmasterWalkTests(SharedStack shared)
{
    private static readonly string Unique = Guid.NewGuid().ToString("N")[..8];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Walk_FromADomainToItsExport_WorksByCommandsAlone()
    {
        var domain = $"walk-{Unique}.test";
        var account = new AccountJson($"carol@{domain}", SharedStack.Password);
        await AdminAsync("domains", "set", domain, "--postmaster", account.Address);
        await AdminAsync("accounts", "set", account.Address, "--password", account.Password, "--display-name", "Carol");
        await AdminAsync("aliases", "set", $"team@{domain}", "--targets", account.Address, "--targets", shared.Stack.Bob.Address);

        Assert.StartsWith("250", await MailDialogs.SendAsync(
            shared.Stack.Smtp, $"team@{domain}",
            System.Text.Encoding.ASCII.GetBytes(
                $"Subject: walk\r\nMessage-ID: <walk@{domain}>\r\n\r\nFrom here on\r\n")), StringComparison.Ordinal);
        Assert.StartsWith(
            "250",
            await MailDialogs.SendAsync(shared.Stack.Smtp, $"abuse@{domain}", "Subject: role\r\n\r\nrole\r\n"u8.ToArray()),
            StringComparison.Ordinal);
        await MailDialogs.WaitForMailAsync(shared.Stack, account, 2);

        var trace = await JsonAsync(t => t.GetArrayLength() >= 3, "traces", "find", "--id", $"<walk@{domain}>");
        Assert.Equal("accepted", trace[0].GetProperty("kind").GetString());
        Assert.Contains("127.0.0.1", trace[0].GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, trace.EnumerateArray().Count(e => e.GetProperty("kind").GetString() == "delivered"));

        var walk = (await JsonAsync(_ => true, "messages", "list", account.Address))
            .EnumerateArray().Single(m => m.GetProperty("subject").GetString() == "walk");
        await using (var pop3 = await MailDialogs.LogInAsync(shared.Stack, account))
        {
            foreach (var number in (int[])[1, 2])
            {
                await pop3.SendLineAsync($"DELE {number}");
                Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
            }

            await pop3.SendLineAsync("QUIT");
            Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(2, (await JsonAsync(_ => true, "messages", "list", account.Address, "--deleted", "true")).GetArrayLength());
        await AdminAsync("messages", "restore", account.Address, walk.GetProperty("uid").ToString());
        Assert.Equal(1, await MailDialogs.CountAsync(shared.Stack, account));
        var export = await AdminAsync("messages", "export", account.Address);
        Assert.StartsWith("From sender@elsewhere.test ", export, StringComparison.Ordinal);
        Assert.Contains("\n>From here on", export, StringComparison.Ordinal);

        var table = await AdminAsync("accounts", "list", "--domain", domain);
        Assert.StartsWith("address", table, StringComparison.Ordinal);
        Assert.Contains("Carol", table, StringComparison.Ordinal);

        // Her account goes, and her mail to bob, who has had it by the alias.
        await AdminAsync("accounts", "delete", account.Address);
        var kept = Assert.Single((await JsonAsync(_ => true, "deleted-mailboxes", "list", account.Address)).EnumerateArray())
            .GetProperty("id").GetString()!;
        Assert.Contains(
            "restored      0\nalreadyThere  1",
            await AdminAsync("deleted-mailboxes", "restore", account.Address, kept, "--into", shared.Stack.Bob.Address),
            StringComparison.Ordinal);
        var story =
            await JsonAsync(
                t => t.EnumerateArray().Any(e => e.GetProperty("kind").GetString() == "received"), "traces", "find", "--id",
                $"<walk@{domain}>");
        Assert.Contains(
            story.EnumerateArray(), e => e.GetProperty("detail").ToString().Contains($"taken: team@{domain}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Commands_ByFilter_SayHowManyThereWere()
    {
        var domain = $"nowhere-{Unique}.test";

        Assert.Contains(
            "done          0", await AdminAsync("jobs", "hold-all", "--domain", domain, "--state", "queued"), StringComparison.Ordinal);
        Assert.Equal(0, (await JsonAsync(_ => true, "jobs", "list", "--domain", domain)).GetArrayLength());
        Assert.Contains("done  0", await AdminAsync("dead-letters", "delete-all", "mail-inbound", "--reason", "none of " + Unique),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refused_Recipient_IsFoundByItsAddress()
    {
        var nobody = $"nobody-{Unique}@example.test";
        await using (var smtp = await RawClient.ConnectAsync(shared.Stack.Smtp))
        {
            await smtp.ReadReplyAsync();
            await smtp.AskAsync("EHLO refused.elsewhere.test");
            await smtp.AskAsync("MAIL FROM:<a@elsewhere.test>");
            Assert.StartsWith("550", await smtp.AskAsync($"RCPT TO:<{nobody}>"), StringComparison.Ordinal);
        }

        var found = await JsonAsync(t => t.GetArrayLength() > 0, "traces", "find", "--address", nobody);

        Assert.Equal("refused", found[0].GetProperty("kind").GetString());
        Assert.Contains("refused.elsewhere.test", found[0].GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Command_ThatTheApiRefuses_SaysWhyAndFails()
    {
        var (code, _, errors) = await RunAsync("accounts", "show", "nobody@example.test");

        Assert.Equal(1, code);
        Assert.Contains("There is no account", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_OfTheEdge_CountWhatWasAccepted()
    {
        var account = await shared.CreateAccountAsync();
        Assert.StartsWith("250", await MailDialogs.SendAsync(shared.Stack.Smtp, account.Address, "Subject: x\r\n\r\nx\r\n"u8.ToArray()),
            StringComparison.Ordinal);
        using var http = new HttpClient();

        var text = await http.GetStringAsync(new Uri(shared.Stack.EdgeHealth.TrimEnd('/') + "/metrics"), Token);

        Assert.Matches("(?m)^mail_smtp_messages_accepted_total [1-9]", text);
    }

    /// <summary>The items of a list, when they are as expected: what is written behind the session comes a little later.</summary>
    private async Task<JsonElement> JsonAsync(Func<JsonElement, bool> expected, params string[] arguments)
    {
        JsonElement items = default;
        for (var i = 0; i < 20; i++)
        {
            items = JsonDocument.Parse(await AdminAsync([.. arguments, "--json"])).RootElement.GetProperty("items");
            if (expected(items))
            {
                return items;
            }

            await Task.Delay(500, Token);
        }

        Assert.Fail($"{string.Join(' ', arguments)}: {items}");
        return items;
    }

    private async Task<string> AdminAsync(params string[] arguments)
    {
        var (code, output, errors) = await RunAsync(arguments);
        Assert.True(code == 0, $"{string.Join(' ', arguments)}: {errors}");
        return output;
    }

    private async Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        await using var process = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"),
            ["admin", .. arguments, "--url", shared.Stack.AdminUrl],
            new Dictionary<string, string?> { ["MAILFUNCTIONS_ADMIN_KEY"] = shared.Stack.AdminKey });
        await process.WaitForExitAsync(TimeSpan.FromSeconds(60));
        return (process.ExitCode, string.Join('\n', process.Output), string.Join('\n', process.Errors));
    }
}
