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
    private readonly TaskCompletionSource<(IHostApplicationLifetime Life, ConnectionLimits Limits, LoginThrottle Throttle)> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<int> _running = Task.FromResult(0);

    private RunningEdge(TimeProvider time) => Time = time;

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
        return first == edge._started.Task ? edge : throw new InvalidOperationException("The edge did not start: it ended with " + edge._running.Result);
    }

    /// <summary>Puts a new certificate into its file.</summary>
    public void WriteCertificate(string name)
    {
        using var certificate = TestCertificate.Create(name);
        TestCertificate.WritePem(CertificatePath, certificate);
    }

    public void BeginStop() => _started.Task.Result.Life.StopApplication();

    /// <summary>Waits for the end; the exit code.</summary>
    public Task<int> WaitForExitAsync() => _running.WaitAsync(Limit);

    public async ValueTask DisposeAsync()
    {
        BeginStop();
        await WaitForExitAsync();
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
        services.AddSingleton<IBusSender>(new TestBus());
        services.AddHostedService(s => new Started(s.GetRequiredService<IHostApplicationLifetime>(), s.GetRequiredService<ConnectionLimits>(), s.GetRequiredService<LoginThrottle>(), _started));
    }

    private sealed class Started(
        IHostApplicationLifetime life, ConnectionLimits limits, LoginThrottle throttle,
        TaskCompletionSource<(IHostApplicationLifetime, ConnectionLimits, LoginThrottle)> started) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            life.ApplicationStarted.Register(() => started.TrySetResult((life, limits, throttle)));
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
