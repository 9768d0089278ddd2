using System.Text;
using System.Text.Json;
using MailFunctions.TestKit;
using MailFunctions.TestKit.Dkim;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>What leaves the running system, under a verifier that is not ours, with the records that the API says to publish.</summary>
public sealed class DkimTests(SharedStack shared)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Submission_OfOddContent_ArrivesWithBothSignaturesPassing()
    {
        var account = await shared.CreateAccountAsync();
        var mark = $"signed-{Guid.NewGuid():N}";
        var content =
            $"From: Someone <{account.Address}>\r\nsubject:  {mark}  \r\nX-Folded: a\r\n\t b\r\nSubject: again\r\n"
            + "\r\n.dot äöü   \r\n \t\r\n\r\n";

        await SubmitAsync(account, content, "a@far.test");

        var verdicts = Assert.Single(await DkimVerifiers.MailAuthAsync(await RecordsAsync("example.test"), await WaitForSinkAsync(mark)));
        Assert.Equal(
            ["example.test rsa-sha256 pass", "example.test ed25519-sha256 pass"],
            verdicts.Select(v => $"{v.Domain} {v.Algorithm} {v.Result}"));
    }

    [Fact]
    public async Task ForwardedMail_LeavesUnsignedAndAReportAboutItSigned()
    {
        var mark = $"forwarded-{Guid.NewGuid():N}";
        var (there, gone) = (
            await shared.CreateAccountAsync(new { password = SharedStack.Password, forwardTo = new[] { "taken@far.test" } }),
            await shared.CreateAccountAsync(new { password = SharedStack.Password, forwardTo = new[] { "refused@far.test" } }));
        var sender = $"{mark}@elsewhere.test";
        Assert.StartsWith("250", await MailDialogs.SendAsync(
            shared.Stack.Smtp, there.Address, Encoding.ASCII.GetBytes($"From: {sender}\r\nSubject: {mark}\r\n\r\nx\r\n"),
            sender), StringComparison.Ordinal);
        Assert.StartsWith("250", await MailDialogs.SendAsync(
            shared.Stack.Smtp, gone.Address, "From: x@elsewhere.test\r\nSubject: y\r\n\r\ny\r\n"u8.ToArray(),
            sender), StringComparison.Ordinal);

        Assert.DoesNotContain(
            "DKIM-Signature", Encoding.UTF8.GetString(await WaitForSinkAsync($"Subject: {mark}")), StringComparison.Ordinal);
        var report = await WaitForSinkAsync($"To: {sender}");
        var verdicts = Assert.Single(await DkimVerifiers.MailAuthAsync(await RecordsAsync("example.test"), report));
        Assert.Equal(["example.test pass", "example.test pass"], verdicts.Select(v => $"{v.Domain} {v.Result}"));
    }

    [Fact]
    public async Task Rotation_ByCommandsAlone_ShowsEveryKeyWholeAndKeepsItsHalfPrivate()
    {
        var domain = $"dkim-{Guid.NewGuid().ToString("N")[..8]}.test";
        await AdminAsync("domains", "set", domain);
        var records = await RecordsAsync(domain);
        Assert.Equal(2, records.Count);

        var made = await AdminAsync("dkim", "rotate", domain);
        var shown = await AdminAsync("domains", "show", domain);
        records = await RecordsAsync(domain);
        Assert.Equal(4, records.Count);
        Assert.All(records, r => Assert.Contains(r.Value, made, StringComparison.Ordinal));
        Assert.All(records, r => Assert.Contains(r.Value, shown, StringComparison.Ordinal));

        await AdminAsync("dkim", "activate", domain, "--force", "true");
        using var answer = JsonDocument.Parse(await AdminAsync("domains", "show", domain, "--json"));
        var selectors = answer.RootElement.GetProperty("dkim").EnumerateArray().ToList();
        Assert.Equal(["retiring", "retiring", "active", "active"], selectors.Select(s => s.GetProperty("state").GetString()));
        await AdminAsync("dkim", "delete", domain, selectors[0].GetProperty("selector").GetString()!);
        Assert.Equal(3, (await RecordsAsync(domain)).Count);

        var keys = Directory.GetFiles(Path.Combine(Path.GetDirectoryName(shared.Stack.SinkDirectory)!, "dkim"));
        Assert.NotEmpty(keys);
        if (!OperatingSystem.IsWindows())
        {
            foreach (var key in keys)
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
            }
        }

        // Nothing of a key is in any log of the stack.
        var middles = keys.Select(k => File.ReadAllLines(k)[1][..40]).ToList();
        foreach (var log in Directory.GetFiles(Path.Combine(Path.GetDirectoryName(shared.Stack.SinkDirectory)!, "logs")))
        {
            await using var file = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(file);
            var text = await reader.ReadToEndAsync(Token);
            Assert.DoesNotContain(middles, m => text.Contains(m, StringComparison.Ordinal));
        }
    }

    /// <summary>DKIM records by name, as the API says to publish them.</summary>
    private async Task<Dictionary<string, string>> RecordsAsync(string domain)
    {
        using var answer = JsonDocument.Parse(await shared.Admin.GetStringAsync($"domains/{domain}", Token));
        return answer.RootElement.GetProperty("dnsRecords").EnumerateArray()
            .Select(r => (Name: r.GetProperty("name").GetString()!, Value: r.GetProperty("value").GetString()!))
            .Where(r => r.Name.Contains("._domainkey.", StringComparison.Ordinal)).ToDictionary(r => r.Name, r => r.Value);
    }

    private async Task SubmitAsync(AccountJson account, string content, string recipient)
    {
        await using var smtp = await RawClient.ConnectAsync(shared.Stack.Submission);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.test");
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{account.Address}\0{account.Password}"));
        Assert.StartsWith("235", await smtp.AskAsync("AUTH PLAIN " + login), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.AskAsync($"MAIL FROM:<{account.Address}> BODY=8BITMIME"), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.AskAsync($"RCPT TO:<{recipient}>"), StringComparison.Ordinal);
        Assert.StartsWith("354", await smtp.AskAsync("DATA"), StringComparison.Ordinal);
        await smtp.SendAsync(Encoding.UTF8.GetBytes(content.Replace("\r\n.", "\r\n..", StringComparison.Ordinal) + ".\r\n"));
        Assert.StartsWith("250", await smtp.ReadReplyAsync(), StringComparison.Ordinal);
    }

    /// <summary>The message that has the text in it, without what the sink writes before it.</summary>
    private async Task<byte[]> WaitForSinkAsync(string text)
    {
        var wanted = Encoding.ASCII.GetBytes(text);
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            foreach (var file in Directory.EnumerateFiles(shared.Stack.SinkDirectory!, "*.eml"))
            {
                var octets = await File.ReadAllBytesAsync(file, limit.Token);
                if (octets.AsSpan().IndexOf(wanted) >= 0)
                {
                    var start = 0;
                    while (octets.AsSpan(start).StartsWith("X-Envelope-"u8))
                    {
                        start += octets.AsSpan(start).IndexOf("\r\n"u8) + 2;
                    }

                    return octets[start..];
                }
            }

            await Task.Delay(100, limit.Token);
        }
    }

    private async Task<string> AdminAsync(params string[] arguments)
    {
        await using var process = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"),
            ["admin", .. arguments, "--url", shared.Stack.AdminUrl],
            new Dictionary<string, string?> { ["MAILFUNCTIONS_ADMIN_KEY"] = shared.Stack.AdminKey });
        await process.WaitForExitAsync(TimeSpan.FromSeconds(60));
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', arguments)}: {string.Join('\n', process.Errors)}");
        return string.Join('\n', process.Output);
    }
}
