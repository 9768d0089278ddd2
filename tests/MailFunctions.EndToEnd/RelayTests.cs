using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using MailFunctions.TestKit;
using MailKit.Net.Pop3;
using MailKit.Security;
using MimeKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>Submission, the function Outbound, the smarthost; and what the sender and the postmaster see of it.</summary>
public sealed class RelayTests(SharedStack shared)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Submission_ForAnotherDomain_LeavesOctetForOctet()
    {
        var account = await shared.CreateAccountAsync();
        var subject = $"relay-{Guid.NewGuid():N}";
        var content = Encoding.UTF8.GetBytes($"From: {account.Address}\r\nsubject:  {subject}\r\n\r\n.dot äöü   \r\n..\r\n");

        await SubmitAsync(account, content, "a@far.test", "b@far.test");

        var kept = await WaitForSinkAsync(subject);
        var text = Encoding.UTF8.GetString(kept);
        Assert.StartsWith($"X-Envelope-From: FROM:<{account.Address}> SIZE=", text, StringComparison.Ordinal);
        Assert.Contains("X-Envelope-To: TO:<a@far.test>\r\nX-Envelope-To: TO:<b@far.test>\r\nDKIM-Signature: v=1; a=rsa-sha256;", text,
            StringComparison.Ordinal);
        Assert.Equal(content, kept[^content.Length..]);
    }

    [Fact]
    public async Task Submission_RefusedThere_ComesBackAsAReport()
    {
        var account = await shared.CreateAccountAsync();
        await SubmitAsync(account, Encoding.ASCII.GetBytes($"From: {account.Address}\r\nSubject: x\r\n\r\nx\r\n"), "refused-1@far.test",
            "taken-1@far.test");

        using var report = await WaitForMailAsync(account);

        var body = Assert.IsType<MultipartReport>(report.Body);
        var groups = Assert.IsType<MessageDeliveryStatus>(body[1]).StatusGroups;
        Assert.Single(groups, g => g["Final-Recipient"] is not null); // not the one that was taken
        Assert.Equal(
            ("rfc822; refused-1@far.test", "failed", "5.1.1"), (groups[1]["Final-Recipient"], groups[1]["Action"], groups[1]["Status"]));
        Assert.Equal("<>", report.Headers[HeaderId.ReturnPath]);
    }

    [Fact]
    public async Task AliasThatLeadsElsewhere_SendsOnWithItsNameAndNotASecondTime()
    {
        var account = await shared.CreateAccountAsync();
        var alias = $"list-{Guid.NewGuid():N}@example.test";
        using var made =
            await shared.Admin.PutAsJsonAsync(
                $"aliases/{alias}", new { targets = (string[])["member@far.test"] }, TestContext.Current.CancellationToken);
        Assert.True(made.IsSuccessStatusCode);
        var subject = $"sent-on-{Guid.NewGuid():N}";
        await SubmitAsync(account, Encoding.ASCII.GetBytes($"From: {account.Address}\r\nSubject: {subject}\r\n\r\nx\r\n"), alias);
        var sent = Encoding.UTF8.GetString(await WaitForSinkAsync(subject));
        Assert.Contains("X-Envelope-To: TO:<member@far.test>\r\nDKIM-Signature: ", sent, StringComparison.Ordinal);
        Assert.Contains($"\r\nDelivered-To: {alias}\r\nReceived: ", sent, StringComparison.Ordinal);

        // The end of data shows that it has been here: its sender hears of it at once, and no report is needed.
        var again = Encoding.ASCII.GetBytes($"From: {account.Address}\r\nDelivered-To: {alias}\r\nSubject: again\r\n\r\nx\r\n");
        Assert.StartsWith("554 5.4.6", await AnswerAsync(shared.Stack, account, again, alias), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SmarthostOfTheEnvironment_TakesTheMailInThePlaceOfTheSink()
    {
        await using var mta = new ScriptedMta();
        await using var process =
            await StackProcess.StartAsync(environment: new Dictionary<string, string?> { ["Relay__Smarthost"] = $"127.0.0.1:{mta.Port}" });
        var stack = process.Read();
        Assert.Null(stack.SinkDirectory);

        await SubmitAsync(
            stack, stack.Alice, Encoding.ASCII.GetBytes($"From: {stack.Alice.Address}\r\nSubject: x\r\n\r\nx\r\n"), "a@far.test");

        var received = await WaitAsync(() => Task.FromResult(mta.Messages.TryPeek(out var message) ? message : null));
        Assert.Equal(["RCPT TO:<a@far.test>"], received.Recipients);
    }

    [Fact]
    public async Task RelayMx_WithAResolverOfOnesOwn_SendsToTheHostThatItNames()
    {
        await using var mta = new ScriptedMta();
        await using var dns = new DnsServer();
        dns.AddMx("far.test", 10, "mx.far.test").AddAddress("mx.far.test", "127.0.0.1");
        await using var process = await StackProcess.StartAsync(
            environment: new Dictionary<string, string?> { ["Relay__MxPort"] = $"{mta.Port}", ["Relay__AllowedNetworks"] = "127.0.0.0/8" },
            options: ["--relay", "mx", "--resolver", $"127.0.0.1:{dns.EndPoint.Port}"]);
        var stack = process.Read();
        Assert.Null(stack.SinkDirectory);

        await SubmitAsync(
            stack, stack.Alice, Encoding.ASCII.GetBytes($"From: {stack.Alice.Address}\r\nSubject: x\r\n\r\nx\r\n"), "a@far.test");

        var received = await WaitAsync(() => Task.FromResult(mta.Messages.TryPeek(out var message) ? message : null));
        Assert.Equal(["RCPT TO:<a@far.test>"], received.Recipients);
    }

    /// <summary>Postfix's own test server as the smarthost: it is in Debian's package `postfix`.</summary>
    [ToolFact("smtp-sink")]
    public async Task SmtpSinkOfDebian_AsTheSmarthost_GetsWhatWasSubmitted()
    {
        using var mail = new TemporaryDirectory();
        var port = FreePorts.Next();
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(mail.Path, (UnixFileMode)0b111_111_111);
        }

        string[] user = Environment.IsPrivilegedProcess ? ["-u", "nobody"] : []; // it does not run as root
        await using var sink =
            ProgramProcess.Start(
                OptionalTool.PathOf("smtp-sink"), [.. user, "-d", Path.Combine(mail.Path, "%M."), $"127.0.0.1:{port}", "100"]);
        await using var process =
            await StackProcess.StartAsync(environment: new Dictionary<string, string?> { ["Relay__Smarthost"] = $"127.0.0.1:{port}" });
        var stack = process.Read();
        var subject = $"sink-{Guid.NewGuid():N}";

        await SubmitAsync(
            stack, stack.Alice, Encoding.UTF8.GetBytes($"From: {stack.Alice.Address}\r\nSubject: {subject}\r\n\r\n.dot äöü\r\n"),
            "a@far.test", "b@far.test");

        var kept =
            await WaitAsync(() => Task.FromResult(Directory.EnumerateFiles(mail.Path)
                .Select(File.ReadAllText).FirstOrDefault(f => f.Contains(subject, StringComparison.Ordinal))));
        Assert.Contains($"X-Mail-Args: <{stack.Alice.Address}>", kept, StringComparison.Ordinal);
        Assert.Contains("X-Rcpt-Args: <a@far.test>", kept, StringComparison.Ordinal);
        Assert.Contains("X-Rcpt-Args: <b@far.test>", kept, StringComparison.Ordinal);
        Assert.EndsWith($"Subject: {subject}\n\n.dot äöü\n", kept.ReplaceLineEndings("\n").TrimEnd('\n') + "\n", StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeferredJob_IsListedHeldReleasedAndCancelledWithAReport()
    {
        var account = await shared.CreateAccountAsync();
        var domain = $"d{Guid.NewGuid():N}.test";
        await SubmitAsync(account, Encoding.ASCII.GetBytes($"From: {account.Address}\r\nSubject: x\r\n\r\nx\r\n"), $"deferred@{domain}");
        var job = await WaitForJobAsync(domain, j => j.GetProperty("attempts").GetInt32() == 1 && !j.GetProperty("underWay").GetBoolean());
        var id = job.GetProperty("id").GetString();
        Assert.Equal("451 4.2.0 Come again later", job.GetProperty("lastReply").GetString());

        Assert.Equal("held", (await PostAsync($"{id}/hold")).GetProperty("state").GetString());
        Assert.Equal(id, (await WaitForJobAsync(domain, j => j.GetProperty("state").GetString() == "held")).GetProperty("id").GetString());
        await PostAsync($"{id}/release");
        await WaitForJobAsync(domain, j => j.GetProperty("attempts").GetInt32() == 2 && !j.GetProperty("underWay").GetBoolean());
        await PostAsync($"{id}/cancel?report=true");

        using var report = await WaitForMailAsync(account);
        Assert.Equal("failed", ((MessageDeliveryStatus)((MultipartReport)report.Body!)[1]).StatusGroups[1]["Action"]);
        using var missing = await shared.Admin.GetAsync("queues/outbound/jobs/none", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        using var wrong = await shared.Admin.GetAsync("queues/outbound/jobs?state=odd", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    private Task SubmitAsync(AccountJson account, byte[] content, params string[] recipients) =>
        SubmitAsync(shared.Stack, account, content, recipients);

    private static async Task SubmitAsync(StackJson stack, AccountJson account, byte[] content, params string[] recipients) =>
        Assert.StartsWith("250", await AnswerAsync(stack, account, content, recipients), StringComparison.Ordinal);

    /// <summary>What the end of the data is answered with.</summary>
    private static async Task<string> AnswerAsync(StackJson stack, AccountJson account, byte[] content, params string[] recipients)
    {
        await using var smtp = await RawClient.ConnectAsync(stack.Submission);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.test");
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{account.Address}\0{account.Password}"));
        Assert.StartsWith("235", await smtp.AskAsync("AUTH PLAIN " + login), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.AskAsync($"MAIL FROM:<{account.Address}> BODY=8BITMIME"), StringComparison.Ordinal);
        foreach (var recipient in recipients)
        {
            Assert.StartsWith("250", await smtp.AskAsync($"RCPT TO:<{recipient}>"), StringComparison.Ordinal);
        }

        Assert.StartsWith("354", await smtp.AskAsync("DATA"), StringComparison.Ordinal);
        var stuffed = Encoding.Latin1.GetString(content).Replace("\r\n.", "\r\n..", StringComparison.Ordinal);
        await smtp.SendAsync(Encoding.Latin1.GetBytes(stuffed + ".\r\n"));
        return await smtp.ReadReplyAsync();
    }

    private async Task<byte[]> WaitForSinkAsync(string subject)
    {
        var wanted = Encoding.ASCII.GetBytes(subject);
        return await WaitAsync(() => Task.FromResult(
            Directory.EnumerateFiles(shared.Stack.SinkDirectory!, "*.eml")
                .Select(File.ReadAllBytes).FirstOrDefault(f => f.AsSpan().IndexOf(wanted) >= 0)));
    }

    private Task<MimeMessage> WaitForMailAsync(AccountJson account) => WaitAsync(async () =>
    {
        using var pop3 = new Pop3Client { CheckCertificateRevocation = false };
        await pop3.ConnectAsync("127.0.0.1", shared.Stack.Pop3, SecureSocketOptions.None, TestContext.Current.CancellationToken);
        await pop3.AuthenticateAsync(account.Address, account.Password, TestContext.Current.CancellationToken);
        var message = pop3.Count > 0 ? await pop3.GetMessageAsync(0, TestContext.Current.CancellationToken) : null;
        await pop3.DisconnectAsync(quit: true, TestContext.Current.CancellationToken);
        return message;
    });

    private async Task<JsonElement> WaitForJobAsync(string domain, Func<JsonElement, bool> wanted)
    {
        var found = await WaitAsync(async () =>
        {
            using var page =
                JsonDocument.Parse(
                    await shared.Admin.GetStringAsync($"queues/outbound/jobs?domain={domain}", TestContext.Current.CancellationToken));
            var jobs = page.RootElement.GetProperty("items").EnumerateArray().Where(wanted).Select(j => j.Clone()).ToArray();
            return jobs.Length > 0 ? jobs : null;
        });
        return Assert.Single(found);
    }

    private async Task<JsonElement> PostAsync(string path)
    {
        using var answer = await shared.Admin.PostAsync($"queues/outbound/jobs/{path}", null, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, text);
        using var json = JsonDocument.Parse(text);
        return json.RootElement.Clone();
    }

    private static async Task<T> WaitAsync<T>(Func<Task<T?>> find)
        where T : class
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            if (await find() is { } found)
            {
                return found;
            }

            await Task.Delay(100, limit.Token);
        }
    }
}
