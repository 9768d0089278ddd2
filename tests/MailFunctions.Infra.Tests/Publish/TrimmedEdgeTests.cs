using System.Security.Authentication;
using System.Text;
using MailFunctions.TestKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using Xunit;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>
/// What trimming could take from the edge without a word of the compiler: reflection, serializers, code that only a setting reaches.
/// </summary>
[Collection(PublishedCollection.Name)]
public sealed class TrimmedEdgeTests(PublishedPrograms published)
{
    private static readonly string[] Sections = ["Edge", "Tls", "Login", "Rates", "Smtp", "Pop3"];
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Edge_OfTheStack_IsTheTrimmedOne()
    {
        var system = await published.SystemAsync();
        Assert.Equal(
            Path.Combine(published.Edge, "MailFunctions.Edge"),
            new FileInfo($"/proc/{system.Stack.Processes["edge"]}/exe").ResolveLinkTarget(returnFinalTarget: true)!.FullName);
        Assert.False(File.Exists(Path.Combine(published.Edge, "Microsoft.AspNetCore.Mvc.Core.dll")));
    }

    [Fact]
    public async Task Edge_UnderTls13_HasAChannelBindingOfEachKind()
    {
        var system = await published.SystemAsync();
        using var client = new AskingClient { ServerCertificateValidationCallback = system.Trust, CheckCertificateRevocation = false };
        await client.ConnectAsync(
            "127.0.0.1", system.Stack.Submission, SecureSocketOptions.StartTls, TestContext.Current.CancellationToken);
        Assert.Equal(SslProtocols.Tls13, client.SslProtocol);
        Assert.Contains("SCRAM-SHA-256-PLUS", client.AuthenticationMechanisms);

        foreach (var binding in (string[])["tls-exporter", "tls-server-end-point"])
        {
            var first = Convert.ToBase64String(Encoding.UTF8.GetBytes($"p={binding},,n={system.Stack.Alice.Address},r=abc"));
            Assert.Equal(334, (int)(await client.AskAsync($"AUTH SCRAM-SHA-256-PLUS {first}")).StatusCode);
            Assert.Equal(501, (int)(await client.AskAsync("*")).StatusCode);
        }
    }

    [Fact]
    public async Task Metrics_AreWrittenForPrometheus()
    {
        var system = await published.SystemAsync();
        await system.SendAsync(system.Stack.Smtp, submission: false);
        using var http = new HttpClient();

        var text = await http.GetStringAsync(new Uri(new Uri(system.Stack.EdgeHealth), "/metrics"), TestContext.Current.CancellationToken);

        Assert.Matches(@"(?m)^mail_smtp_\w+_total(\{[^}]*\})? [1-9]\d*$", text);
    }

    [Fact]
    public async Task UnknownKeys_AreTold_OfEachSection()
    {
        await using var edge = ProgramProcess.Start(
            Path.Combine(published.Edge, "MailFunctions.Edge"), [], Sections.ToDictionary(s => $"{s}__Nonsense", _ => (string?)"1"));

        Assert.Equal(1, await edge.WaitForExitAsync(Limit));
        Assert.Equal(Sections, edge.Errors.Where(l => l.Contains("'Nonsense'", StringComparison.Ordinal)).Select(l => l.Split(':')[0]));
        Assert.Equal(Sections.Length, edge.Errors.Count);
    }

    [Fact]
    public async Task WrongValues_AreTold_WithTheirKey()
    {
        await using var edge = ProgramProcess.Start(
            Path.Combine(published.Edge, "MailFunctions.Edge"), [], new Dictionary<string, string?>
            {
                ["Edge__MaxConnections"] = "many",
                ["Smtp__DataTimeout"] = "soon",
            });

        Assert.Equal(1, await edge.WaitForExitAsync(Limit));
        Assert.Contains(edge.Errors, l => l.StartsWith("Edge: ", StringComparison.Ordinal)
            && l.Contains("Edge:MaxConnections", StringComparison.Ordinal));
        Assert.Contains(
            edge.Errors, l => l.StartsWith("Smtp: ", StringComparison.Ordinal) && l.Contains("Smtp:DataTimeout", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Telemetry_IsExported_ByOtlpAndToAzureMonitor()
    {
        var system = await published.SystemAsync();
        await using var collector = await TelemetryCollector.StartAsync();
        var environment = system.EdgeEnvironment().ToDictionary(v => v.Key, v => (string?)v.Value);
        var ports = ((string[])["Smtp", "Submission", "Smtps", "Pop3", "Pop3s", "Health"]).ToDictionary(n => n, _ => FreePorts.Next());
        foreach (var (name, port) in ports)
        {
            environment[$"Edge__Ports__{name}"] = $"{port}";
        }

        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Endpoint;
        environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        environment["APPLICATIONINSIGHTS_CONNECTION_STRING"] =
            $"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={collector.Endpoint}/";
        environment["APPLICATIONINSIGHTS_STATSBEAT_DISABLED"] = "true";
        await using var edge = ProgramProcess.Start(Path.Combine(published.Edge, "MailFunctions.Edge"), [], environment);
        await AnswersAsync(edge, $"http://127.0.0.1:{ports["Health"]}/healthz/live");

        await system.SendAsync(ports["Smtp"], submission: false);
        edge.Terminate(); // what is left to export, it exports now

        Assert.Equal(0, await edge.WaitForExitAsync(Limit));
        Assert.DoesNotContain(edge.Output.Concat(edge.Errors), l => l.Contains("Exception", StringComparison.Ordinal));
        Assert.Contains("smtp transaction", collector.BodiesOf("/v1/traces"), StringComparison.Ordinal);
        Assert.Contains("mail.smtp.", collector.BodiesOf("/v1/metrics"), StringComparison.Ordinal);
        Assert.Contains("smtp transaction", collector.BodiesOf("/v2.1/track"), StringComparison.Ordinal);
        Assert.Contains("mail.smtp.", collector.BodiesOf("/v2.1/track"), StringComparison.Ordinal);
    }

    private static async Task AnswersAsync(ProgramProcess edge, string url)
    {
        using var http = new HttpClient();
        for (var started = TimeProvider.System.GetTimestamp(); !edge.HasExited
            && TimeProvider.System.GetElapsedTime(started) < Limit; await Task.Delay(100))
        {
            try
            {
                Assert.Equal("live", await http.GetStringAsync(new Uri(url)));
                return;
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }
        }

        Assert.Fail($"The edge is not there:\n{string.Join('\n', edge.Output)}\n{string.Join('\n', edge.Errors)}");
    }

    /// <summary>Sends commands of the test's own after MailKit's STARTTLS.</summary>
    private sealed class AskingClient : SmtpClient
    {
        public Task<SmtpResponse> AskAsync(string command) => SendCommandAsync(command);
    }
}
