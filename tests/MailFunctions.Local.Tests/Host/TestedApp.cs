using System.Text.Json;
using MailFunctions.TestKit;

namespace MailFunctions.Local.Tests.Host;

/// <summary>A function app in a temporary directory, with handler.mjs as its handler, under the local host.</summary>
internal sealed class TestedApp : IAsyncDisposable
{
    public const string MasterKey = "master-key";
    public const string FunctionKey = "function-key";

    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<string, string?> _environment = new()
    {
        ["HOST_MASTER_KEY"] = MasterKey,
        ["HOST_FUNCTION_KEY"] = FunctionKey,
        ["ASPNETCORE_URLS"] = "http://127.0.0.1:1", // has to be inherited by the handler, and must not disturb the host
    };

    public TestedApp(string functionTimeout = "00:00:30", int maxConcurrentCalls = 16)
    {
        Write("host.json", $$"""
            {"version": "2.0", "functionTimeout": "{{functionTimeout}}", // comments are allowed
             "extensions": {"http": {"routePrefix": ""}, "serviceBus": {"maxConcurrentCalls": {{maxConcurrentCalls}} } },
             "customHandler": {"description": {"defaultExecutablePath": "node", "workingDirectory": "", "arguments": ["handler.mjs", "%OWN_SETTING%"] },
               "enableForwardingHttpRequest": true} }
            """);
        File.Copy(Path.Combine(Repository.Root, "tests", "MailFunctions.Local.Tests", "Host", "handler.mjs"), _directory.File("handler.mjs"));
        Set("OWN_SETTING", "own value");
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

    public TestedApp Write(string name, string text)
    {
        var path = _directory.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return this;
    }

    public TestedApp Queue(string function, string queue, string extra = "") => Write(
        $"{function}/function.json",
        $$"""{"bindings": [{"type": "serviceBusTrigger", "direction": "in", "name": "mail", "queueName": "{{queue}}", "connection": "ServiceBusConnection"{{extra}} }]}""");

    public TestedApp HttpFunction(string function, string route, string level, params string[] methods) => Write(
        $"{function}/function.json",
        $$"""
        {"bindings": [
          {"type": "httpTrigger", "direction": "in", "name": "request", "authLevel": "{{level}}", "methods": {{JsonSerializer.Serialize(methods)}}, "route": "{{route}}"},
          {"type": "http", "direction": "out", "name": "response"}]}
        """);

    public TestedApp Timer(string function, string schedule) => Write(
        $"{function}/function.json", $$"""{"bindings": [{"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "{{schedule}}"}]}""");

    public ProgramProcess Start() => Process = ProgramProcess.Start(
        Repository.ProgramOf("MailFunctions.Local"),
        ["host", "--app", _directory.Path, "--port", $"{Port}", "--state", _directory.File("state.json")],
        _environment);

    public async Task<TestedApp> StartAsync()
    {
        Start();
        await Process.WaitForLineAsync("ready", TimeSpan.FromSeconds(30));
        return this;
    }

    /// <summary>What the handler has noted so far.</summary>
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

    public IReadOnlyList<JsonElement> Calls(string function) =>
        [.. Seen().Where(s => s.TryGetProperty("function", out var name) && name.GetString() == function)];

    public IReadOnlyList<int> Started() => [.. Seen().Where(s => s.TryGetProperty("started", out _)).Select(s => s.GetProperty("started").GetInt32())];

    /// <summary>Waits, within 30 s, until something holds.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        for (var i = 0; i < 600; i++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException("Not within 30 s: " + what);
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
