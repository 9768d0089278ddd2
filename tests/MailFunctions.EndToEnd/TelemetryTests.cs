using System.Text;
using System.Text.Json;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>One message, followed over all programs: by OpenTelemetry, and by the postmaster's traces.</summary>
public sealed class TelemetryTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Message_ToAnotherDomain_IsOneTraceFromTheSessionToTheRelayAndOneStory()
    {
        await using var otlp = new OtlpReceiver();
        await using var process = await StackProcess.StartAsync(environment: new Dictionary<string, string?>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = otlp.Endpoint,
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
        });
        var stack = process.Read();
        var id = await SubmitAsync(stack, "taken@far.test");

        var spans = await WaitAsync(() => otlp.Spans.Where(s => s.Name == "relay").Take(1).ToList() is [var relay]
            ? otlp.Spans.Where(s => s.TraceId == relay.TraceId).ToList()
            : [], found => found.Count >= 4);

        Assert.Equal(
            ["mailfunctions-edge smtp transaction", "mailfunctions-functions Inbound", "mailfunctions-functions Outbound",
                "mailfunctions-functions relay"],
            spans.Select(s => $"{s.Service} {s.Name}").Order());
        string Of(string name) => spans.Single(s => s.Name == name).SpanId;
        Assert.Equal(
            [("Inbound", Of("smtp transaction")), ("Outbound", Of("Inbound")), ("relay", Of("Outbound")), ("smtp transaction", "")],
            spans.Select(s => (s.Name, s.ParentId)).OrderBy(s => s.Name, StringComparer.OrdinalIgnoreCase));
        Assert.Contains(spans, s => s.Text.Contains(id, StringComparison.Ordinal));
        Assert.DoesNotContain(otlp.Spans, s => s.Text.Contains("far.test", StringComparison.Ordinal)
            || s.Text.Contains(stack.Alice.Address, StringComparison.Ordinal));
        await WaitAsync(() => otlp.HasMetrics, has => has);

        using var admin = SharedStack.AdminClient(stack);
        var story = await WaitAsync(
            () => JsonDocument.Parse(admin.GetStringAsync($"traces?id={id}", Token)
                .Result).RootElement.GetProperty("items").EnumerateArray().ToList(), items => items.Count >= 4);
        Assert.Equal(["accepted", "received", "refused", "relayed"], story.Select(e => e.GetProperty("kind").GetString()).Order());
        Assert.Equal("relayed", story[^1].GetProperty("kind").GetString());
        string? Detail(string kind) => story.Single(e => e.GetProperty("kind").GetString() == kind).GetProperty("detail").GetString();
        var client = $"submission from 127\\.0\\.0\\.1 \\(client\\.test\\), no TLS, as {stack.Alice.Address}";
        Assert.Matches($"^\\d+ octets answered with 250 2\\.6\\.0, {client}; taken: taken@far\\.test$", Detail("received"));
        Assert.Matches($"^recipients refused, {client}; refused: nobody@example\\.test \\(550 5\\.1\\.1\\)$", Detail("refused"));
    }

    /// <summary>The message's id, which the reply to its data tells.</summary>
    private static async Task<string> SubmitAsync(StackJson stack, string recipient)
    {
        await using var smtp = await RawClient.ConnectAsync(stack.Submission);
        await smtp.ReadReplyAsync();
        await smtp.AskAsync("EHLO client.test");
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{stack.Alice.Address}\0{stack.Alice.Password}"));
        Assert.StartsWith("235", await smtp.AskAsync("AUTH PLAIN " + login), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.AskAsync($"MAIL FROM:<{stack.Alice.Address}>"), StringComparison.Ordinal);
        Assert.StartsWith("550", await smtp.AskAsync("RCPT TO:<nobody@example.test>"), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.AskAsync($"RCPT TO:<{recipient}>"), StringComparison.Ordinal);
        Assert.StartsWith("354", await smtp.AskAsync("DATA"), StringComparison.Ordinal);
        await smtp.SendAsync(Encoding.ASCII.GetBytes($"From: {stack.Alice.Address}\r\nSubject: x\r\n\r\nx\r\n.\r\n"));
        var reply = await smtp.ReadReplyAsync();
        Assert.StartsWith("250", reply, StringComparison.Ordinal);
        return reply.Trim().Split(' ')[^1];
    }

    private static async Task<T> WaitAsync<T>(Func<T> find, Func<T, bool> good)
    {
        var found = find();
        for (var i = 0; i < 300 && !good(found); i++)
        {
            await Task.Delay(100, Token);
            found = find();
        }

        return found;
    }
}
