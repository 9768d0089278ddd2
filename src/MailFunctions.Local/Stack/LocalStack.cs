using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using MailFunctions.Azure;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Messages;
using MailFunctions.Local.Bus;
using MailFunctions.Local.Host;
using Microsoft.Extensions.Configuration;

namespace MailFunctions.Local.Stack;

/// <summary>The processes of the system on one machine, started, joined and supervised.</summary>
internal sealed class LocalStack : IAsyncDisposable
{
    public const string Domain = "example.test";
    private const string HostName = "mail." + Domain;
    private const string StorageAccount = "mailfunctions";

    /// <summary>For tests: how long the bus's receivers own a message.</summary>
    private const string LockDurationVariable = "LOCAL_BUS_LOCK_DURATION";

    /// <summary>Where mail for others goes instead of into the sink.</summary>
    private const string SmarthostVariable = "Relay__Smarthost";
    private static readonly string[] Accounts = ["alice@" + Domain, "bob@" + Domain];
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    private readonly string _data;
    private readonly StackPorts _ports;
    private readonly Programs _programs;
    private readonly StackKeys _keys;
    private readonly LocalCertificates _certificates;
    private readonly LeftoverProcesses _leftovers;
    private readonly ConcurrentDictionary<string, ProcessRecord> _processes = new();
    private readonly Lock _fileLock = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly IReadOnlyDictionary<string, string> _relay = LocalSettings.ReadRelay(Environment.CurrentDirectory);
    private readonly ChildProcess _azurite;
    private readonly ChildProcess _bus;
    private readonly ChildProcess _host;
    private readonly ChildProcess _edge;
    private readonly ChildProcess _sink;
    private int? _functions;
    private bool _ready;

    private LocalStack(string data, StackPorts ports, Programs programs, LeftoverProcesses leftovers)
    {
        (_data, _ports, _programs, _leftovers) = (data, ports, programs, leftovers);
        _keys = StackKeys.ReadOrCreate(data, Accounts);
        _certificates = LocalCertificates.ReadOrCreate(Path.Combine(data, "tls"), HostName);
        _azurite = Child(Azurite());
        _bus = Child(Bus());
        _host = Child(FunctionsHost());
        _edge = Child(Edge());
        _sink = Child(Sink());
    }

    private ChildProcess Child(ChildDefinition definition) => new(definition, Path.Combine(_data, "logs"), OnChanged);

    /// <summary>Starts everything and returns when mail can flow.</summary>
    /// <exception cref="StackException">Says what is in the way; nothing is left running.</exception>
    public static async Task<LocalStack> StartAsync(string data, StackPorts ports, CancellationToken cancellationToken)
    {
        var programs = Programs.Find();
        var leftovers = new LeftoverProcesses(Path.Combine(data, "processes.json"));
        await leftovers.EndAsync(cancellationToken);
        ports.CheckFree();
        var stack = new LocalStack(data, ports, programs, leftovers);
        try
        {
            await stack.StartAsync(cancellationToken);
            return stack;
        }
        catch
        {
            await stack.DisposeAsync();
            throw;
        }
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        // All at once: each waits for what it needs. The first one that fails is the sentence that the user sees.
        var azurite = _azurite.StartAsync();
        var bus = _bus.StartAsync();
        var host = _host.StartAsync();
        var edge = _edge.StartAsync();
        var sink = _sink.StartAsync();
        var all = Task.WhenAll(CreateStorageAsync(azurite, cancellationToken), bus, CreateDirectoryAsync(azurite, host, cancellationToken), edge, sink);
        var first = await Task.WhenAny(all, FirstFault(azurite, bus, host, edge, sink)).WaitAsync(cancellationToken);
        await first;
        await all;
        await WatchHandlerOnceAsync(cancellationToken);
        _ready = true;
        WriteFiles();
    }

    private static async Task FirstFault(params Task[] tasks)
    {
        await foreach (var task in Task.WhenEach(tasks))
        {
            await task;
        }

        await Task.Delay(Timeout.InfiniteTimeSpan);
    }

    private async Task CreateStorageAsync(Task azurite, CancellationToken cancellationToken)
    {
        await azurite;
        try
        {
            var configuration = new ConfigurationBuilder()
                .AddInMemoryCollection([KeyValuePair.Create<string, string?>(StorageOptions.Key, StorageConnection)]).Build();
            await StorageSetup.CreateAsync(StorageOptions.Read(configuration), cancellationToken);
        }
        catch (StoreUnavailableException e)
        {
            throw new StackException($"Azurite does not work: {e.Message}");
        }

        _storageCreated.TrySetResult();
    }

    private readonly TaskCompletionSource _storageCreated = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task CreateDirectoryAsync(Task azurite, Task host, CancellationToken cancellationToken)
    {
        await Task.WhenAll(azurite, host);
        await _storageCreated.Task.WaitAsync(cancellationToken);
        await new DirectorySetup(AdminUrl, _keys.FunctionKey).CreateAsync(Domain, _keys.Passwords, cancellationToken);
    }

    /// <summary>Keeps `stack.json` true about the function app, which the host starts and not the stack; until cancelled.</summary>
    public async Task WatchAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(WatchInterval);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            await WatchHandlerOnceAsync(cancellationToken);
        }
    }

    private async Task WatchHandlerOnceAsync(CancellationToken cancellationToken)
    {
        int? functions = null;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, AdminUrl + "/admin/host/status");
            request.Headers.Add("x-functions-key", _keys.MasterKey);
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            using var answer = await _http.SendAsync(request, cancellationToken);
            if (answer.IsSuccessStatusCode)
            {
                using var status = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancellationToken));
                functions = status.RootElement.TryGetProperty("handlerProcessId", out var id) && id.ValueKind == JsonValueKind.Number ? id.GetInt32() : null;
            }
        }
        catch (Exception e) when (e is HttpRequestException or JsonException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The host is being started again.
        }

        if (functions != _functions)
        {
            _functions = functions;
            WriteFiles();
        }
    }

    private void OnChanged(ChildProcess child)
    {
        if (child.Current is { } current)
        {
            _processes[child.Name] = current;
        }
        else
        {
            _processes.TryRemove(child.Name, out _);
        }

        WriteFiles();
    }

    private void WriteFiles()
    {
        lock (_fileLock)
        {
            _leftovers.Write(_processes);
            if (_ready)
            {
                PrivateFile.Write(Path.Combine(_data, StackInfo.FileName), JsonSerializer.SerializeToUtf8Bytes(Info, StackJson.Default.StackInfo));
            }
        }
    }

    /// <summary>How to reach it.</summary>
    public StackInfo Info
    {
        get
        {
            var processes = _processes.ToDictionary(p => p.Key, p => p.Value.Id);
            if (_functions is { } functions)
            {
                processes["functions"] = functions;
            }

            return new StackInfo(
                _ports.Smtp,
                _ports.Submission,
                _ports.Smtps,
                _ports.Pop3,
                _ports.Pop3s,
                AdminUrl,
                _keys.MasterKey,
                $"http://127.0.0.1:{_ports.EdgeHealth}",
                _certificates.AuthorityPath,
                [.. _keys.Passwords.Select(p => new StackAccount(p.Key, p.Value))],
                processes,
                _ports.Sink,
                OwnSmarthost is null ? SinkDirectory : null);
        }
    }

    /// <summary>The environment's, or else that of `local.settings.json`; null: the sink.</summary>
    private string? OwnSmarthost => Environment.GetEnvironmentVariable(SmarthostVariable) is { Length: > 0 } given ? given : _relay.GetValueOrDefault(SmarthostVariable);

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
            $"Endpoint=sb://127.0.0.1:{_ports.Bus};SharedAccessKeyName={SharedAccessKey.Name};SharedAccessKey={_keys.BusKey};UseDevelopmentEmulator=true;",
        ["ServiceBusManagementEndpoint"] = $"http://127.0.0.1:{_ports.BusManagement}",
        ["InboundQueue"] = QueueNames.Inbound,
        ["OutboundQueue"] = QueueNames.Outbound,
    };

    private ChildDefinition Azurite() => WithOutputInFile(new(
        "azurite",
        _programs.Node,
        [
            _programs.Azurite, "--location", Path.Combine(_data, "azurite"), "--silent", "--disableTelemetry", "--skipApiVersionCheck",
            "--blobHost", "127.0.0.1", "--blobPort", Text(_ports.Blob), "--queueHost", "127.0.0.1", "--queuePort", Text(_ports.Queue),
            "--tableHost", "127.0.0.1", "--tablePort", Text(_ports.Table),
        ],
        new Dictionary<string, string> { ["AZURITE_ACCOUNTS"] = $"{StorageAccount}:{_keys.StorageKey}" })
    {
        WaitUntilReady = token => Task.WhenAll(WaitForPortAsync(_ports.Blob, token), WaitForPortAsync(_ports.Queue, token), WaitForPortAsync(_ports.Table, token)),
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
            .. Environment.GetEnvironmentVariable(LockDurationVariable) is { Length: > 0 } duration ? (string[])["--lock-duration", duration] : [],
        ],
        new Dictionary<string, string> { [BusCommand.KeyVariable] = _keys.BusKey });

    private ChildDefinition FunctionsHost() => new(
        "host",
        _programs.Local,
        ["host", "--app", _programs.FunctionApp, "--port", Text(_ports.Host), "--state", Path.Combine(_data, "host.json"), "--exit-with-parent"],
        new Dictionary<string, string>(Connections().Concat(_relay.Where(r => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(r.Key)))))
        {
            [HostCommand.MasterKeyVariable] = _keys.MasterKey,
            [HostCommand.FunctionKeyVariable] = _keys.FunctionKey,
            ["MailHostName"] = HostName,
            ["Relay__SrsKey"] = SrsKey,
            ["Dkim__KeyDirectory"] = Path.Combine(_data, "dkim"),
            [SmarthostVariable] = OwnSmarthost ?? $"127.0.0.1:{_ports.Sink}",
        });

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
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{_ports.EdgeHealth}/healthz/ready"), cancellationToken);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
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

    /// <summary>Ends everything: first who takes work, then what keeps it.</summary>
    public async ValueTask DisposeAsync()
    {
        _ready = false;
        await Task.WhenAll(_edge.EndAsync(), _host.EndAsync());
        await Task.WhenAll(_bus.EndAsync(), _azurite.EndAsync());
        await _sink.EndAsync();
        foreach (var child in (ChildProcess[])[_edge, _host, _bus, _azurite, _sink])
        {
            await child.DisposeAsync();
        }

        File.Delete(Path.Combine(_data, StackInfo.FileName));
        _http.Dispose();
    }
}
