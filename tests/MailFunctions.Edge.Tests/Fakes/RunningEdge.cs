using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Directory;
using MailFunctions.Core.Mailboxes;
using MailFunctions.Core.Messages;
using MailFunctions.Edge.Admission;
using MailFunctions.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace MailFunctions.Edge.Tests.Fakes;

/// <summary>The whole edge in this process, on real sockets of 127.0.0.1, with directory and intake in memory.</summary>
internal sealed class RunningEdge : IAsyncDisposable
{
    public const string HostName = "mail.example.test";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly TemporaryDirectory _files = new();
    private readonly TaskCompletionSource<Parts> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly MeterListener _meters = new();
    private readonly ConcurrentQueue<string> _ends = new();
    private Task<int> _running = Task.FromResult(0);

    private RunningEdge(TimeProvider time)
    {
        Time = time;
        _meters.InstrumentPublished = (instrument, meters) =>
        {
            if (instrument.Name == "mail.sessions")
            {
                meters.EnableMeasurementEvents(instrument, this);
            }
        };
        _meters.SetMeasurementEventCallback<long>(static (instrument, _, tags, state) =>
        {
            var edge = (RunningEdge)state!;
            if (edge._started.Task.IsCompletedSuccessfully && ReferenceEquals(instrument.Meter.Scope, edge._started.Task.Result.Meters))
            {
                edge._ends.Enqueue((string)tags.ToArray().First(t => t.Key == "end").Value!);
            }
        });
        _meters.Start();
    }

    public TimeProvider Time { get; }

    public int Smtp { get; } = FreePorts.Next();

    public int Submission { get; } = FreePorts.Next();

    public int Smtps { get; } = FreePorts.Next();

    public int Pop3 { get; } = FreePorts.Next();

    public int Pop3s { get; } = FreePorts.Next();

    public TestDirectory Directory { get; } = new();

    public TestIntake Intake { get; } = new();

    public TestLogProvider Log { get; } = new();

    public string CertificatePath => _files.File("server.pem");

    /// <summary>Sessions open now.</summary>
    public int Open => _started.Task.Result.Limits.Open;

    /// <summary>Why sessions ended, as the metric `mail.sessions` counts them.</summary>
    public IReadOnlyCollection<string> Ends => _ends;

    public LoginThrottle Throttle => _started.Task.Result.Throttle;

    /// <summary>Starts it with further settings, such as `Edge:MaxConnections=1`; the directory has alice and bob.</summary>
    public static Task<RunningEdge> StartAsync(params string[] settings) => StartAsync(TimeProvider.System, settings);

    /// <inheritdoc cref="StartAsync(string[])"/>
    public static async Task<RunningEdge> StartAsync(TimeProvider time, params string[] settings)
    {
        var edge = new RunningEdge(time);
        edge.Directory.AddAccount("alice@example.test");
        edge.Directory.AddAccount("bob@example.test");
        edge.WriteCertificate("first.example.test");
        edge._running = Task.Run(() => EdgeApplication.RunAsync([.. edge.Settings(), .. settings.Select(s => "--" + s)], edge.AddStores));
        var first = await Task.WhenAny(edge._started.Task, edge._running).WaitAsync(Limit);
        return first == edge._started.Task
            ? edge
            : throw new InvalidOperationException("The edge did not start: it ended with " + edge._running.Result);
    }

    /// <summary>Puts a new certificate into its file.</summary>
    public void WriteCertificate(string name)
    {
        using var certificate = TestCertificate.Create(name);
        TestCertificate.WritePem(CertificatePath, certificate);
    }

    /// <summary>Waits until a session has ended.</summary>
    public async Task WaitForSessionEndAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        while (_ends.IsEmpty)
        {
            await Task.Delay(10, limit.Token);
        }
    }

    public void BeginStop() => _started.Task.Result.Life.StopApplication();

    /// <summary>Waits for the end; the exit code.</summary>
    public Task<int> WaitForExitAsync() => _running.WaitAsync(Limit);

    public async ValueTask DisposeAsync()
    {
        BeginStop();
        await WaitForExitAsync();
        _meters.Dispose();
        _files.Dispose();
    }

    private IEnumerable<string> Settings() =>
    [
        $"--Edge:HostName={HostName}", "--Edge:Address=127.0.0.1", $"--Edge:Ports:Smtp={Smtp}", $"--Edge:Ports:Submission={Submission}",
        $"--Edge:Ports:Smtps={Smtps}", $"--Edge:Ports:Pop3={Pop3}", $"--Edge:Ports:Pop3s={Pop3s}", "--Edge:Ports:Health=0",
        "--Edge:GracePeriod=00:00:05", $"--Tls:CertificatePath={CertificatePath}", "--Logging:LogLevel:Default=Trace",
    ];

    private void AddStores(IServiceCollection services)
    {
        services.RemoveAll<ILoggerProvider>();
        services.AddSingleton<ILoggerProvider>(Log);
        services.AddSingleton(Time);
        services.AddSingleton<IMessageIntake>(Intake);
        services.AddSingleton<IDirectoryStore>(Directory);
        services.AddSingleton<IMailboxDelivery>(new TestMailboxes());
        services.AddSingleton<IMaildrops>(new TestMaildrops());
        services.AddSingleton<IBusSender>(new FakeBus());
        services.AddHostedService(s => new Started(
            new Parts(
                s.GetRequiredService<IHostApplicationLifetime>(), s.GetRequiredService<ConnectionLimits>(),
                s.GetRequiredService<LoginThrottle>(),
                s.GetRequiredService<IMeterFactory>()),
            _started));
    }

    private sealed record Parts(IHostApplicationLifetime Life, ConnectionLimits Limits, LoginThrottle Throttle, IMeterFactory Meters);

    private sealed class Started(Parts parts, TaskCompletionSource<Parts> started) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            parts.Life.ApplicationStarted.Register(() => started.TrySetResult(parts));
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
