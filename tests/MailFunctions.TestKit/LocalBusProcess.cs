using System.Security.Cryptography;

namespace MailFunctions.TestKit;

/// <summary>The local bus as a process, on free ports, with its database in a temporary directory.</summary>
public sealed class LocalBusProcess : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly IReadOnlyList<string> _options;
    private ProgramProcess _process;

    private LocalBusProcess(IReadOnlyList<string> options)
    {
        _options = options;
        _process = Run();
    }

    public int Port { get; } = FreePorts.Next();

    public int ManagementPort { get; } = FreePorts.Next();

    public string ConnectionString =>
        $"Endpoint=sb://127.0.0.1:{Port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey={_key};UseDevelopmentEmulator=true;";

    public string ManagementEndpoint => $"http://127.0.0.1:{ManagementPort}/";

    /// <summary>Starts it with further options, such as `--queue`.</summary>
    public static async Task<LocalBusProcess> StartAsync(params string[] options)
    {
        var bus = new LocalBusProcess(options);
        await bus._process.WaitForLineAsync("ready", TimeSpan.FromSeconds(30));
        return bus;
    }

    private ProgramProcess Run() => ProgramProcess.Start(
        Repository.ProgramOf("MailFunctions.Local"),
        ["bus", "--data", _directory.Path, "--port", $"{Port}", "--management-port", $"{ManagementPort}", .. _options],
        new Dictionary<string, string?> { ["LOCAL_BUS_KEY"] = _key });

    /// <summary>SIGKILL, and nobody there until <see cref="RestartAsync"/>.</summary>
    public async Task KillAsync()
    {
        _process.KillHard();
        await _process.WaitForExitAsync(TimeSpan.FromSeconds(10));
    }

    public async Task RestartAsync()
    {
        await _process.DisposeAsync();
        _process = Run();
        await _process.WaitForLineAsync("ready", TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _directory.Dispose();
    }
}
