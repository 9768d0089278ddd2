using System.Text.Json;

namespace MailFunctions.TestKit;

/// <summary>The whole system as the newcomer starts it, on ports of its own.</summary>
public sealed class StackProcess : IAsyncDisposable
{
    private static readonly int[] Ports = [2525, 2587, 2465, 2110, 2995, 7071, 8080, 10000, 10001, 10002, 5672, 5300, 2526];
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(90);

    private readonly TemporaryDirectory? _own;
    private readonly IReadOnlyDictionary<string, string?> _environment;
    private readonly IReadOnlyList<string> _options;

    private StackProcess(string? data, IReadOnlyDictionary<string, string?> environment, IReadOnlyList<string> options)
    {
        _own = data is null ? new TemporaryDirectory() : null;
        Data = data ?? _own!.Path;
        Offset = FreeOffset();
        (_environment, _options) = (environment, options);
        Process = Run();
    }

    public string Data { get; }

    public int Offset { get; private set; }

    public ProgramProcess Process { get; private set; }

    /// <summary>An offset at which every port of the system is free.</summary>
    public static int FreeOffset() => FreePorts.NextOffset(Ports);

    /// <summary>Starts it and waits for `Ready`.</summary>
    public static async Task<StackProcess> StartAsync(
        string? data = null, IReadOnlyDictionary<string, string?>? environment = null, IReadOnlyList<string>? options = null)
    {
        var stack = new StackProcess(data, environment ?? new Dictionary<string, string?>(), options ?? []);
        await stack.Process.WaitForLineAsync("Ready", ReadyLimit);
        return stack;
    }

    private ProgramProcess Run() => ProgramProcess.Start(
        Repository.ProgramOf("MailFunctions.Local"), ["--data", Data, "--port-offset", $"{Offset}", .. _options], _environment);

    /// <summary>What stack.json says now.</summary>
    public StackJson Read() => JsonSerializer.Deserialize<StackJson>(
        File.ReadAllBytes(Path.Combine(Data, "stack.json")), JsonSerializerOptions.Web)!;

    /// <summary>Waits until a process runs under another id than <paramref name="old"/>.</summary>
    public async Task WaitForNewProcessAsync(string name, int old)
    {
        for (var i = 0; i < 600; i++)
        {
            if (Read().Processes.TryGetValue(name, out var id) && id != old)
            {
                return;
            }

            await Task.Delay(100);
        }

        throw new InvalidOperationException($"The process '{name}' was not started again within a minute.");
    }

    /// <summary>Ends it as Ctrl-C does, and starts it again on the same directory.</summary>
    /// <param name="between">What is done to the directory while nothing runs on it.</param>
    public async Task RestartAsync(Action? between = null)
    {
        await Process.DisposeAsync();
        between?.Invoke();
        Process = Run();
        await Process.WaitForLineAsync("Ready", ReadyLimit);
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        _own?.Dispose();
    }
}

/// <summary>`stack.json`, read as its users read it.</summary>
public sealed record StackJson(
    int Smtp, int Submission, int Smtps, int Pop3, int Pop3s, string AdminUrl, string AdminKey, string EdgeHealth,
    string CertificateAuthority,
    IReadOnlyList<AccountJson> Accounts, IReadOnlyDictionary<string, int> Processes,
    int Sink, string? SinkDirectory)
{
    public AccountJson Alice => Accounts[0];

    public AccountJson Bob => Accounts[1];
}

/// <summary>An account of the local stack.</summary>
public sealed record AccountJson(string Address, string Password);
