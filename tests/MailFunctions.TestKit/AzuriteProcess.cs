using System.Net.Sockets;
using System.Security.Cryptography;

namespace MailFunctions.TestKit;

/// <summary>Azurite as a process, on free ports, with two accounts of random keys and its files in a temporary directory.</summary>
public sealed class AzuriteProcess : IAsyncDisposable
{
    private const string Account = "mailtest";
    private const string EmptyAccount = "emptytest";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly TemporaryDirectory _directory = new();
    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(64));
    private readonly int _blobPort = FreePorts.Next();
    private readonly int _queuePort = FreePorts.Next();
    private readonly int _tablePort = FreePorts.Next();
    private readonly ProgramProcess _process;

    private readonly string _scheme;

    private AzuriteProcess(string[] options) => (_scheme, _process) = (options.Contains("--cert") ? "https" : "http", ProgramProcess.Start(
        "node",
        [
            Path.Combine(Repository.Root, "node_modules", "azurite", "dist", "src", "azurite.js"),
            "--location", _directory.Path, "--silent", "--disableTelemetry", "--skipApiVersionCheck",
            "--blobHost", "127.0.0.1", "--blobPort", $"{_blobPort}", "--queueHost", "127.0.0.1", "--queuePort", $"{_queuePort}",
            "--tableHost", "127.0.0.1", "--tablePort", $"{_tablePort}", .. options,
        ],
        new Dictionary<string, string?> { ["AZURITE_ACCOUNTS"] = $"{Account}:{_key};{EmptyAccount}:{_key}" }));

    public int Id => _process.Id;

    public string ConnectionString => ConnectionStringOf(Account);

    /// <summary>An account in which no container and no table was ever made.</summary>
    public string EmptyConnectionString => ConnectionStringOf(EmptyAccount);

    public Uri BlobServiceUri => new($"{_scheme}://127.0.0.1:{_blobPort}/{Account}");

    public Uri TableServiceUri => new($"{_scheme}://127.0.0.1:{_tablePort}/{Account}");

    /// <summary>Starts it, with further options such as `--cert`, and waits until it serves.</summary>
    public static async Task<AzuriteProcess> StartAsync(params string[] options)
    {
        var azurite = new AzuriteProcess(options);
        using var limit = new CancellationTokenSource(StartLimit);
        try
        {
            foreach (var port in (int[])[azurite._blobPort, azurite._queuePort, azurite._tablePort])
            {
                await azurite.WaitForPortAsync(port, limit.Token);
            }

            return azurite;
        }
        catch
        {
            await azurite.DisposeAsync();
            throw;
        }
    }

    private async Task WaitForPortAsync(int port, CancellationToken cancellationToken)
    {
        while (!_process.HasExited)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port, cancellationToken);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(50, cancellationToken);
            }
        }

        throw new InvalidOperationException(
            $"Azurite ended with {_process.ExitCode}. Its output:\n{string.Join('\n', _process.Output)}\n"
                + $"{string.Join('\n', _process.Errors)}");
    }

    private string ConnectionStringOf(string account) =>
        $"DefaultEndpointsProtocol={_scheme};AccountName={account};AccountKey={_key};" +
        $"BlobEndpoint={_scheme}://127.0.0.1:{_blobPort}/{account};TableEndpoint={_scheme}://127.0.0.1:{_tablePort}/{account};";

    /// <summary>SIGTERM by its own id, and its files removed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _directory.Dispose();
    }
}
