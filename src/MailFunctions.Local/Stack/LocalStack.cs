using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;
using MailFunctions.Azure;
using MailFunctions.Azure.Storage;
using MailFunctions.Core.Messages;

namespace MailFunctions.Local.Stack;

/// <summary>The processes of the system on one machine, started, joined and supervised.</summary>
internal sealed partial class LocalStack : IAsyncDisposable
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
    private readonly LocalRelay _mailOut;
    private readonly Programs _programs;
    private readonly StackKeys _keys;
    private readonly LocalCertificates _certificates;
    private readonly LeftoverProcesses _leftovers;
    private readonly ConcurrentDictionary<string, ProcessRecord> _processes = new();
    private readonly Lock _fileLock = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly IReadOnlyDictionary<string, string> _relay = LocalSettings.ReadRelay(Environment.CurrentDirectory);
    private readonly Guard _guard;
    private readonly ChildProcess _azurite;
    private readonly ChildProcess _bus;
    private readonly ChildProcess _host;
    private readonly ChildProcess _edge;
    private readonly ChildProcess _sink;
    private int? _functions;
    private bool _ready;

    /// <summary>They could not be written, as on a full disk: the next look tries again.</summary>
    private volatile bool _filesAreOld;

    private LocalStack(string data, StackPorts ports, LocalRelay mailOut, Programs programs, LeftoverProcesses leftovers)
    {
        (_data, _ports, _mailOut, _programs, _leftovers) = (data, ports, mailOut, programs, leftovers);
        _keys = StackKeys.ReadOrCreate(data, Accounts);
        _certificates = LocalCertificates.ReadOrCreate(Path.Combine(data, "tls"), HostName);
        _guard = Guard.Start(programs.Local);
        _azurite = Child(Azurite());
        _bus = Child(Bus());
        _host = Child(programs.CoreTools is { } func ? CoreTools(func) : FunctionsHost());
        _edge = Child(Edge());
        _sink = Child(Sink());
    }

    private ChildProcess Child(ChildDefinition definition) => new(definition, Path.Combine(_data, "logs"), OnChanged);

    /// <summary>Starts everything and returns when mail can flow.</summary>
    /// <exception cref="StackException">Says what is in the way; nothing is left running.</exception>
    public static async Task<LocalStack> StartAsync(
        string data, StackPorts ports, LocalRelay mailOut, bool coreTools, CancellationToken cancellationToken)
    {
        var programs = Programs.Find(coreTools);
        var leftovers = new LeftoverProcesses(Path.Combine(data, "processes.json"));
        await leftovers.EndAsync(cancellationToken);
        ports.CheckFree();
        var stack = new LocalStack(data, ports, mailOut, programs, leftovers);
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
        var azurite = AzuriteFiles.NamingDamageAsync(_azurite.StartAsync(), AzuriteDirectory);
        var bus = _bus.StartAsync();
        var host = _host.StartAsync();
        var edge = _edge.StartAsync();
        var sink = _sink.StartAsync();
        var all = Task.WhenAll(
            SayingAsync("Storage (Azurite)", CreateStorageAsync(azurite, cancellationToken)),
            SayingAsync("Bus", bus),
            SayingAsync("Functions", host),
            SayingAsync("Domain and accounts", CreateDirectoryAsync(azurite, host, cancellationToken)),
            SayingAsync("Mail edge", edge),
            sink);
        var first = await Task.WhenAny(all, FirstFault(azurite, bus, host, edge, sink)).WaitAsync(cancellationToken);
        await first;
        await all;
        await WatchHandlerOnceAsync(cancellationToken);
        _ready = true;
        WriteFiles();
    }

    /// <summary>A start may take a minute on a slow machine: what is there is said.</summary>
    private static async Task SayingAsync(string part, Task ready)
    {
        await ready;
        Console.WriteLine($"  {part}: ready");
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
        var renewed = await new DirectorySetup(AdminUrl, _keys.FunctionKey)
            .CreateAsync(Domain, _keys.Passwords, _keys.AreNew, cancellationToken);
        if (renewed.Count > 0)
        {
            Console.WriteLine(
                $"{Path.Combine(_data, StackKeys.FileName)} was missing: {string.Join(" and ", renewed)} got the new passwords below.");
        }
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
                functions = status.RootElement.TryGetProperty("workerProcessId", out var id) && id.ValueKind == JsonValueKind.Number
                    ? id.GetInt32()
                    : null;
            }
        }
        catch (Exception e) when (e is HttpRequestException or JsonException
            || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The host is being started again.
        }

        if (functions != _functions || _filesAreOld)
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
            _guard.Write(_processes);
            try
            {
                _leftovers.Write(_processes);
                if (_ready)
                {
                    PrivateFile.Write(
                        Path.Combine(_data, StackInfo.FileName), JsonSerializer.SerializeToUtf8Bytes(Info, StackJson.Default.StackInfo));
                }

                _filesAreOld = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (!_filesAreOld)
                {
                    Console.Error.WriteLine(
                        $"{Path.Combine(_data, StackInfo.FileName)} can't be written, so it is out of date: "
                        + $"{e.Message} The processes run on.");
                }

                _filesAreOld = true;
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
                OwnSmarthost is null && !_mailOut.ByMx ? SinkDirectory : null);
        }
    }

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

        _guard.Dispose();
        File.Delete(Path.Combine(_data, StackInfo.FileName));
        _http.Dispose();
    }
}
