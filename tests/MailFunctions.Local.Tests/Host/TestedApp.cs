using System.Text.Json;
using MailFunctions.TestKit;

namespace MailFunctions.Local.Tests.Host;

/// <summary>
/// The function app of MailFunctions.TestWorker in a temporary directory, with the functions named, under the local host.
/// </summary>
internal sealed class TestedApp : IAsyncDisposable
{
    public const string MasterKey = "master-key";
    public const string FunctionKey = "function-key";

    private static readonly string[] AllFunctions =
    [
        "Ok", "Fails", "Slow", "Long", "Hangs", "Dies", "Open", "Guarded", "AdminOnly", "Number", "Optional", "Teapot", "Redirect",
        "Throws", "Large", "Waits", "Tick",
    ];

    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<string, string?> _environment = new()
    {
        ["HOST_MASTER_KEY"] = MasterKey,
        ["HOST_FUNCTION_KEY"] = FunctionKey,
        ["ASPNETCORE_URLS"] = "http://127.0.0.1:1", // has to be inherited by the worker, and must not disturb the host
        ["WORK_QUEUE"] = "work",
    };

    public TestedApp(params string[] functions)
    {
        foreach (var entry in new DirectoryInfo(Repository.OutputOf("MailFunctions.TestWorker")).EnumerateFileSystemInfos())
        {
            if (entry is DirectoryInfo)
            {
                Directory.CreateSymbolicLink(_directory.File(entry.Name), entry.FullName);
            }
            else
            {
                File.CreateSymbolicLink(_directory.File(entry.Name), entry.FullName);
            }
        }

        foreach (var disabled in AllFunctions.Except(functions))
        {
            Set($"AzureWebJobs.{disabled}.Disabled", "true");
        }

        HostJson();
    }

    public int Port { get; } = FreePorts.Next();

    public ProgramProcess Process { get; private set; } = null!;

    public HttpClient Http { get; } = new(new HttpClientHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(30) };

    public Uri Address(string path) => new($"http://127.0.0.1:{Port}{path}");

    public TestedApp Set(string name, string? value)
    {
        _environment[name] = value;
        return this;
    }

    public TestedApp HostJson(string functionTimeout = "00:00:30", int maxConcurrentCalls = 16) => Write("host.json", $$"""
        {"version": "2.0", "functionTimeout": "{{functionTimeout}}", // comments are allowed
         "extensions": {"http": {"routePrefix": ""}, "serviceBus": {"maxConcurrentCalls": {{maxConcurrentCalls}} } } }
        """);

    public TestedApp Write(string name, string text)
    {
        var path = _directory.File(name);
        File.Delete(path); // not what a link leads to
        File.WriteAllText(path, text);
        return this;
    }

    public ProgramProcess Start() => Process = ProgramProcess.Start(
        Repository.ProgramOf("MailFunctions.Local"),
        ["host", "--app", _directory.Path, "--port", $"{Port}", "--state", _directory.File("state.json")],
        _environment);

    public async Task<TestedApp> StartAsync()
    {
        Start();
        await Process.WaitForLineAsync("ready", TimeSpan.FromSeconds(60));
        return this;
    }

    /// <summary>What the worker has noted so far.</summary>
    public IReadOnlyList<JsonElement> Seen()
    {
        var path = _directory.File("seen.jsonl");
        if (!File.Exists(path))
        {
            return [];
        }

        using var file = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return [.. file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
    }

    public IReadOnlyList<JsonElement> Noted(string name) => [.. Seen().Where(s => s.TryGetProperty(name, out _))];

    public IReadOnlyList<JsonElement> Calls(string function) =>
        [.. Noted("function").Where(s => s.GetProperty("function").GetString() == function)];

    /// <summary>The processes of workers, in the order of their starts.</summary>
    public IReadOnlyList<int> Started() => [.. Noted("started").Select(s => s.GetProperty("started").GetInt32())];

    /// <summary>Waits, within two minutes, until something holds.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        for (var i = 0; i < 2400; i++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException("Not within two minutes: " + what);
    }

    public static Task UntilAsync(Func<bool> holds, string what) => UntilAsync(() => Task.FromResult(holds()), what);

    public async ValueTask DisposeAsync()
    {
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }

        Http.Dispose();
        _directory.Dispose();
    }
}
