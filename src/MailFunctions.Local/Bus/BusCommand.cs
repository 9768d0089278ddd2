using System.CommandLine;
using System.Net;
using Amqp;
using Amqp.Listener;
using MailFunctions.Core.Bus;
using MailFunctions.Local.Bus.Management;
using MailFunctions.Local.Bus.Store;
using MailFunctions.Local.Bus.Wire;
using Microsoft.Data.Sqlite;

namespace MailFunctions.Local.Bus;

/// <summary>`bus`: a Service Bus stand-in for one machine, in a process of its own.</summary>
internal static class BusCommand
{
    /// <summary>The environment variable with the shared access key.</summary>
    public const string KeyVariable = "LOCAL_BUS_KEY";

    public const string DatabaseFile = "bus.db";

    public static Command Create()
    {
        var data = new Option<DirectoryInfo>("--data") { Description = "Directory of the database", Required = true };
        var port = new Option<int>("--port") { Description = "Port of AMQP 1.0", DefaultValueFactory = _ => 5672 };
        var management = new Option<int>("--management-port")
        {
            Description = "Port of the HTTP administration",
            DefaultValueFactory = _ => 5300,
        };
        var queues = new Option<string[]>("--queue")
        {
            Description = "A queue; may be given again",
            DefaultValueFactory = _ => [QueueNames.Inbound, QueueNames.Outbound],
        };
        var lockDuration = new Option<TimeSpan>("--lock-duration")
        {
            Description = "How long a receiver owns a message",
            DefaultValueFactory = _ => new QueueSettings().LockDuration,
        };
        var maxDeliveries = new Option<int>("--max-deliveries")
        {
            Description = "Deliveries before a message is dead-lettered",
            DefaultValueFactory = _ => new QueueSettings().MaxDeliveryCount,
        };
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "End when standard input is closed" };
        var command = new Command("bus", $"The local Service Bus stand-in. The shared access key comes from {KeyVariable}.")
        {
            data, port, management, queues, lockDuration, maxDeliveries, exitWithParent,
        };
        command.SetAction((arguments, cancellationToken) => RunAsync(
            arguments.GetRequiredValue(data),
            arguments.GetValue(port),
            arguments.GetValue(management),
            arguments.GetValue(queues)!,
            new QueueSettings { LockDuration = arguments.GetValue(lockDuration), MaxDeliveryCount = arguments.GetValue(maxDeliveries) },
            arguments.GetValue(exitWithParent),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        DirectoryInfo data, int port, int managementPort, string[] queues, QueueSettings settings, bool exitWithParent,
        CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable(KeyVariable) is not { Length: > 0 } key)
        {
            return Fail($"{KeyVariable} is not set: give the bus its shared access key there.");
        }

        data.Create();
        BusDatabase database;
        try
        {
            database = BusDatabase.Open(Path.Combine(data.FullName, DatabaseFile));
        }
        catch (SqliteException e)
        {
            return Fail($"The database {Path.Combine(data.FullName, DatabaseFile)} can't be used: {e.Message}");
        }

        await using (database)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.Services.AddRoutingCore();
            builder.Logging.AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
            builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, managementPort));
            await using var http = builder.Build();
            var bus = new LocalBus(
                queues,
                settings,
                new QueueStore(database, settings, TimeProvider.System),
                new SharedAccessKey(key),
                TimeProvider.System,
                http.Services.GetRequiredService<ILogger<LocalBus>>());
            http.UseRouting();
            QueueFeed.Map(http, bus, queues);

            var amqp = new ContainerHost(new Address($"amqp://127.0.0.1:{port}"));
            Configure(amqp.Listeners[0]);
            amqp.AddressResolver = (_, _) => "/"; // no registered processor has it: every attach goes to the link processor
            amqp.RegisterLinkProcessor(new BusLinks(bus));
            try
            {
                amqp.Open();
                await http.StartAsync(cancellationToken);
            }
            catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException)
            {
                return Fail($"The ports {port} and {managementPort} can't be used: {e.Message}");
            }

            using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using var parent = exitWithParent ? ParentWatch.Start(stopping) : null;
            Console.WriteLine("ready");
            try
            {
                await bus.SweepAsync(stopping.Token);
            }
            catch (OperationCanceledException)
            {
                // Asked to stop.
            }

            amqp.Close();
            await http.StopAsync(CancellationToken.None);
        }

        return 0;
    }

    private static void Configure(ConnectionListener listener)
    {
        listener.AMQP.IdleTimeout = (int)TimeSpan.FromMinutes(1).TotalMilliseconds;
        listener.AMQP.MaxFrameSize = 65536;
        listener.AMQP.MaxLinksPerSession = 1000;
        listener.AMQP.ContainerId = "local-bus";
        // In this order: the JavaScript SDK takes the first offered that it knows.
        listener.SASL.EnableMechanism(new Amqp.Types.Symbol(SaslGreeting.ClaimsBased), new SaslGreeting(SaslGreeting.ClaimsBased));
        listener.SASL.EnableMechanism(
            new Amqp.Types.Symbol(SaslGreeting.AnonymousMechanism), new SaslGreeting(SaslGreeting.AnonymousMechanism));
        listener.HandlerFactory = _ => new LockTokenTags();
    }

    private static int Fail(string sentence)
    {
        Console.Error.WriteLine(sentence);
        return 1;
    }
}
