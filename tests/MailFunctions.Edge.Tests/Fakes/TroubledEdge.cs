using System.Net;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>The program itself on its real adapters, whose storage and bus a test takes away.</summary>
internal sealed class TroubledEdge : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly HttpClient _http = new() { Timeout = Limit };
    private readonly int _health = FreePorts.Next();
    private readonly ProgramProcess _program;

    private TroubledEdge(string storage, string bus) =>
        _program = ProgramProcess.Start(Repository.ProgramOf("MailFunctions.Edge"), [], new Dictionary<string, string?>
        {
            ["MailStorage"] = storage,
            ["ServiceBusConnection"] = bus,
            ["Edge__Address"] = "127.0.0.1",
            ["Edge__HostName"] = RunningEdge.HostName,
            ["Edge__GracePeriod"] = "00:00:01",
            ["Edge__Ports__Smtp"] = $"{Smtp}",
            ["Edge__Ports__Submission"] = "0",
            ["Edge__Ports__Smtps"] = "0",
            ["Edge__Ports__Pop3"] = "0",
            ["Edge__Ports__Pop3s"] = "0",
            ["Edge__Ports__Health"] = $"{_health}",
        });

    public int Smtp { get; } = FreePorts.Next();

    public Uri Ready => new($"http://127.0.0.1:{_health}/healthz/ready");

    public IReadOnlyList<string> Log => _program.Output;

    /// <summary>Storage and bus at these ports of 127.0.0.1.</summary>
    public static Task<TroubledEdge> StartAsync(int blobs, int tables, int bus) => StartAsync(
        $"AccountName=none;AccountKey=bm9uZQ==;BlobEndpoint=http://127.0.0.1:{blobs}/none;"
            + $"TableEndpoint=http://127.0.0.1:{tables}/none;DefaultEndpointsProtocol=http;",
        $"Endpoint=sb://127.0.0.1:{bus};SharedAccessKeyName=k;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;");

    public static async Task<TroubledEdge> StartAsync(string storage, string bus)
    {
        var edge = new TroubledEdge(storage, bus);
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            try
            {
                using var live = await edge._http.GetAsync(new Uri(edge.Ready, "live"), limit.Token);
                return edge;
            }
            catch (HttpRequestException)
            {
                Assert.False(edge._program.HasExited, string.Join('\n', edge._program.Errors));
                await Task.Delay(50, limit.Token);
            }
        }
    }

    public async Task<(HttpStatusCode Status, string Text)> AskReadyAsync()
    {
        using var answer = await _http.GetAsync(Ready, TestContext.Current.CancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>What it says once its first questions have been answered.</summary>
    public async Task<(HttpStatusCode Status, string Text)> AskUntilAnsweredAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            var said = await AskReadyAsync();
            if (!said.Text.EndsWith("no answer yet", StringComparison.Ordinal))
            {
                return said;
            }

            await Task.Delay(100, limit.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _program.DisposeAsync();
    }
}
