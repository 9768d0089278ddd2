using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using MailFunctions.Azure.Storage;
using MailFunctions.Local.Bus;
using MailFunctions.Local.Bus.Store;
using MailFunctions.Local.Host;

namespace MailFunctions.Local.Stack;

/// <content>What each process is started with, and when it counts as ready.</content>
internal sealed partial class LocalStack
{
    /// <summary>The environment's, or else that of `local.settings.json`; null: the sink.</summary>
    private string? OwnSmarthost =>
        Environment.GetEnvironmentVariable(SmarthostVariable) is { Length: > 0 } given
            ? given
            : _relay.GetValueOrDefault(SmarthostVariable);

    private string AzuriteDirectory => Path.Combine(_data, "azurite");

    private string SinkDirectory => Path.Combine(_data, "sink");

    /// <summary>Derived, so that directories made before it was needed have one too.</summary>
    private string SrsKey => Convert.ToHexStringLower(HMACSHA256.HashData(Convert.FromBase64String(_keys.BusKey), "srs"u8));

    private string AdminUrl => $"http://127.0.0.1:{_ports.Host}";

    private string StorageConnection =>
        $"DefaultEndpointsProtocol=http;AccountName={StorageAccount};AccountKey={_keys.StorageKey};" +
        $"BlobEndpoint=http://127.0.0.1:{_ports.Blob}/{StorageAccount};QueueEndpoint=http://127.0.0.1:{_ports.Queue}/{StorageAccount};" +
        $"TableEndpoint=http://127.0.0.1:{_ports.Table}/{StorageAccount};";

    private Dictionary<string, string> Connections() => new()
    {
        [StorageOptions.Key] = StorageConnection,
        ["ServiceBusConnection"] =
            $"Endpoint=sb://127.0.0.1:{_ports.Bus};SharedAccessKeyName={SharedAccessKey.Name};"
            + $"SharedAccessKey={_keys.BusKey};UseDevelopmentEmulator=true;",
        ["ServiceBusManagementEndpoint"] = $"http://127.0.0.1:{_ports.BusManagement}",
    };

    private ChildDefinition Azurite() => WithOutputInFile(new(
        "azurite",
        _programs.Node,
        [
            _programs.Azurite, "--location", AzuriteDirectory, "--silent", "--disableTelemetry", "--skipApiVersionCheck",
            "--blobHost", "127.0.0.1", "--blobPort", Text(_ports.Blob), "--queueHost", "127.0.0.1", "--queuePort", Text(_ports.Queue),
            "--tableHost", "127.0.0.1", "--tablePort", Text(_ports.Table),
        ],
        new Dictionary<string, string> { ["AZURITE_ACCOUNTS"] = $"{StorageAccount}:{_keys.StorageKey}" })
    {
        WaitUntilReady = token =>
            Task.WhenAll(
                WaitForPortAsync(_ports.Blob, token), WaitForPortAsync(_ports.Queue, token), WaitForPortAsync(_ports.Table, token)),
        // It saves its metadata every few seconds and when it is asked to end: killing it would lose mail.
        StopTimeout = TimeSpan.FromSeconds(60),
    });

    /// <summary>
    /// Azurite says on its output that it is ending; on the broken pipe of a stack that was killed it would die of that,
    /// before it has saved. A file does not break.
    /// </summary>
    private ChildDefinition WithOutputInFile(ChildDefinition definition)
    {
        if (OperatingSystem.IsWindows())
        {
            return definition;
        }

        var file = Path.Combine(_data, "logs", definition.Name + "-output.log");
        return definition with
        {
            OutputFile = file,
            Program = "/bin/sh",
            Arguments =
            [
                "-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh", file,
                definition.Program, .. definition.Arguments,
            ],
        };
    }

    private ChildDefinition Bus() => new(
        "bus",
        _programs.Local,
        [
            "bus", "--data", _data, "--port", Text(_ports.Bus), "--management-port", Text(_ports.BusManagement), "--exit-with-parent",
            .. Environment.GetEnvironmentVariable(LockDurationVariable) is { Length: > 0 } duration
                ? (string[])["--lock-duration", duration]
                : [],
        ],
        new Dictionary<string, string> { [BusCommand.KeyVariable] = _keys.BusKey });

    private ChildDefinition FunctionsHost() => new(
        "host",
        _programs.Local,
        [
            "host", "--app", _programs.FunctionApp, "--port", Text(_ports.Host), "--state", Path.Combine(_data, "host.json"),
            "--exit-with-parent"],
        new Dictionary<string, string>(FunctionSettings())
        {
            [HostCommand.MasterKeyVariable] = _keys.MasterKey,
            [HostCommand.FunctionKeyVariable] = _keys.FunctionKey,
        });

    /// <summary>The real host, of Azure Functions Core Tools. It checks no keys.</summary>
    private ChildDefinition CoreTools(string func) => new(
        "host",
        func,
        ["start", "--no-build", "--port", Text(_ports.Host)],
        new Dictionary<string, string>(FunctionSettings())
        {
            ["AzureWebJobsStorage"] = StorageConnection,
            ["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated",
        })
    {
        WorkingDirectory = _programs.FunctionApp,
        WaitUntilReady = token => WaitForAnswerAsync(AdminUrl + "/api/openapi.json", token),
    };

    private Dictionary<string, string> FunctionSettings() =>
        new(Connections().Concat(_relay.Where(r => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(r.Key)))))
        {
            ["MailHostName"] = HostName,
            ["Relay__SrsKey"] = SrsKey,
            ["Dkim__KeyDirectory"] = Path.Combine(_data, "dkim"),
            // Empty, not left out: what the environment says is handed on.
            [SmarthostVariable] = _mailOut.ByMx ? "" : OwnSmarthost ?? $"127.0.0.1:{_ports.Sink}",
            ["Relay__Resolver"] = _mailOut.Resolver ?? Environment.GetEnvironmentVariable("Relay__Resolver")
                ?? _relay.GetValueOrDefault("Relay__Resolver") ?? "",
        };

    private ChildDefinition Sink() => new(
        "sink",
        _programs.Local,
        ["sink", "--data", SinkDirectory, "--port", Text(_ports.Sink), "--exit-with-parent"],
        new Dictionary<string, string>());

    private ChildDefinition Edge() => new(
        "edge",
        _programs.Edge,
        [],
        new Dictionary<string, string>(Connections())
        {
            ["Edge__HostName"] = HostName,
            ["Edge__Address"] = "127.0.0.1",
            ["Edge__Ports__Smtp"] = Text(_ports.Smtp),
            ["Edge__Ports__Submission"] = Text(_ports.Submission),
            ["Edge__Ports__Smtps"] = Text(_ports.Smtps),
            ["Edge__Ports__Pop3"] = Text(_ports.Pop3),
            ["Edge__Ports__Pop3s"] = Text(_ports.Pop3s),
            ["Edge__Ports__Health"] = Text(_ports.EdgeHealth),
            ["Edge__AllowPlaintextCredentials"] = "true",
            ["Smtp__SrsKey"] = SrsKey,
            ["Edge__GracePeriod"] = "00:00:02",
            ["Edge__MaxConnectionsPerClient"] = "10000", // every client is 127.0.0.1
            ["Rates__MessagesPerClient"] = "0",
            ["Rates__RecipientsPerClient"] = "0",
            ["Rates__MessagesPerAccount"] = "0",
            ["Rates__RecipientsPerAccount"] = "0",
            ["Tls__CertificatePath"] = _certificates.CertificatePath,
            ["Tls__KeyPath"] = _certificates.KeyPath,
        })
    {
        WaitUntilReady = WaitForEdgeAsync,
    };

    private async Task WaitForEdgeAsync(CancellationToken cancellationToken)
    {
        await _storageCreated.Task.WaitAsync(cancellationToken);
        await WaitForAnswerAsync($"http://127.0.0.1:{_ports.EdgeHealth}/healthz/ready", cancellationToken);
    }

    private async Task WaitForAnswerAsync(string address, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri(address), cancellationToken);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException
                || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // Not yet.
            }

            await Task.Delay(25, cancellationToken);
        }
    }

    private static async Task WaitForPortAsync(int port, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port, cancellationToken);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(25, cancellationToken);
            }
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
