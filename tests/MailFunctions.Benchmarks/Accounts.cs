using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using MailFunctions.Azure;
using MailFunctions.Azure.Housekeeping;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Azure.Storage;
using MailFunctions.Functions.Hosting;
using MailFunctions.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace MailFunctions.Benchmarks;

/// <summary>
/// The admin API over Azurite: accounts imported with verifiers, beside so many that were there before, and one of all of
/// them found. Counts the requests to the tables. Exit code 1 when an account was not made or not found.
/// </summary>
internal static class Accounts
{
    private const string Domain = "example.test";
    private static readonly ParallelOptions FourAtOnce = new() { MaxDegreeOfParallelism = 4 };
    private const string Verifier =
        "SCRAM-SHA-256$600000:AAAAAAAAAAAAAAAAAAAAAA=="
        + "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    public static async Task<int> RunAsync(string[] args)
    {
        var options = Arguments.Parse(args, new() { ["import"] = "10000", ["total"] = "100000" });
        var (import, total) = (Number(options["import"]), Number(options["total"]));
        await using var azurite = await AzuriteProcess.StartAsync();
        var requests = new Requests();
        await using var app = await StartAsync(azurite.ConnectionString, requests);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First() + "/api/"), Timeout = TimeSpan.FromMinutes(30) };
        using (await http.PutAsync("domains/" + Domain, new StringContent("{}", null, "application/json")))
        {
            await FillAsync(app.Services.GetRequiredService<TableServiceClient>(), total - import);
        }

        var good = true;
        foreach (var state in (string[])["created", "exists"])
        {
            using var file = new Lines(import);
            var lines = 0;
            await MeasureAsync($"import of {import} accounts beside {total - import} others, all '{state}'", requests, async () =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "accounts/import") { Content = file };
                using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
                using var report = new StreamReader(await answer.Content.ReadAsStreamAsync());
                while (await report.ReadLineAsync() is { } line)
                {
                    lines += line.Contains($"\"{state}\"", StringComparison.Ordinal) ? 1 : 0;
                }
            });
            good &= lines == import;
        }

        foreach (var path in (string[])[$"accounts/new{import / 2}@{Domain}", $"accounts/old{(total - import) / 2}@{Domain}",
            $"accounts?domain={Domain}&top=100", "accounts/nobody@" + Domain])
        {
            await MeasureAsync("GET " + path, requests, async () =>
            {
                using var answer = await http.GetAsync(path);
                good &= answer.StatusCode == (
                    path.Contains("nobody", StringComparison.Ordinal) ? HttpStatusCode.NotFound : HttpStatusCode.OK);
            });
        }

        var status = await File.ReadAllLinesAsync("/proc/self/status");
        Console.WriteLine(
            "the process with the API, the client and the harness peaked at "
            + $"{status.First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(':')[1].Trim()}");
        return good ? 0 : 1;
    }

    private static async Task<WebApplication> StartAsync(string storage, Requests requests)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection([new("MailStorage", storage)]);
        builder.Logging.ClearProviders();
        var options = StorageOptions.Read(builder.Configuration);
        await StorageSetup.CreateAsync(options, CancellationToken.None);
        builder.Services.AddMailStorage(options);
        var tables = new TableClientOptions();
        tables.AddPolicy(requests, HttpPipelinePosition.PerRetry);
        builder.Services.AddSingleton(new TableServiceClient(storage, tables));
        // No call of these goes to the bus.
        builder.Services.AddMailBus(
            BusOptions.Parse("Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;", null));
        builder.Services.AddMailHousekeeping(builder.Configuration);
        builder.Services.AddAdminApi(builder.Configuration);
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.UseAdminApi();
        await app.StartAsync();
        return app;
    }

    /// <summary>Accounts that were there before, as rows.</summary>
    private static async Task FillAsync(TableServiceClient tables, int count)
    {
        var directory = tables.GetTableClient("directory");
        await Parallel.ForEachAsync(Enumerable.Range(0, count).Chunk(100), FourAtOnce, async (some, token) =>
            await directory.SubmitTransactionAsync(
                some.Select(i => new TableTransactionAction(TableTransactionActionType.Add, new TableEntity(Domain, $"old{i}")
                {
                    ["Kind"] = "account",
                    ["LocalPart"] = $"old{i}",
                    ["MailboxId"] = $"{i:x32}",
                    ["CreatedAt"] = DateTimeOffset.UnixEpoch,
                    ["ForwardTo"] = "[]",
                    ["AppPasswords"] = "[]",
                })),
                token));
    }

    private static async Task MeasureAsync(string what, Requests requests, Func<Task> run)
    {
        requests.Seen.Clear();
        var started = Stopwatch.GetTimestamp();
        await run();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: {seconds:0.000} s; {string.Join(", ", requests.Seen.OrderBy(r => r.Key).Select(r => $"{r.Value} × {r.Key}"))}"));
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>A file of accounts that is nowhere as a whole.</summary>
    private sealed class Lines : HttpContent
    {
        private readonly int _count;

        public Lines(int count)
        {
            _count = count;
            Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var i = 0; i < _count; i++)
            {
                await stream.WriteAsync(Line(i));
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = Enumerable.Range(0, _count).Sum(i => (long)Line(i).Length);
            return true;
        }

        private static byte[] Line(int i) =>
            Encoding.ASCII.GetBytes($$"""{"address": "new{{i}}@{{Domain}}", "verifier": "{{Verifier}}"}""" + "\n");
    }

    private sealed class Requests : HttpPipelinePolicy
    {
        public ConcurrentDictionary<string, int> Seen { get; } = new();

        public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            var path = message.Request.Uri.Path!.Split('/')[^1];
            Seen.AddOrUpdate(
                $"{message.Request.Method} {path.Split('(')[0]}{(path.EndsWith("()", StringComparison.Ordinal) ? " query" : "")}",
                1,
                (_, n) => n + 1);
            return ProcessNextAsync(message, pipeline);
        }

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();
    }
}
