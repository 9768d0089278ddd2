using System.Collections.Concurrent;
using System.CommandLine;
using Azure.Messaging.ServiceBus;
using MailFunctions.Local.Host.App;

namespace MailFunctions.Local.Host;

/// <summary>`host`: an Azure Functions host for isolated workers, in a process of its own.</summary>
internal static class HostCommand
{
    public const string MasterKeyVariable = "HOST_MASTER_KEY";
    public const string FunctionKeyVariable = "HOST_FUNCTION_KEY";

    public static Command Create()
    {
        var app = new Option<DirectoryInfo>("--app")
        {
            Description = "The published function app: the folder with host.json",
            Required = true,
        };
        var port = new Option<int>("--port") { Description = "HTTP port", DefaultValueFactory = _ => 7071 };
        var state = new Option<FileInfo?>("--state") { Description = "File that keeps what outlives a restart: the timers' last runs" };
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "End when standard input is closed" };
        var command = new Command(
            "host",
            $"The local Azure Functions host. Keys come from {MasterKeyVariable} and {FunctionKeyVariable}, settings from the environment.")
        {
            app, port, state, exitWithParent,
        };
        command.SetAction((arguments, cancellationToken) => RunAsync(
            arguments.GetRequiredValue(app).FullName,
            arguments.GetValue(port),
            arguments.GetValue(state)?.FullName,
            arguments.GetValue(exitWithParent),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        string root, int port, string? statePath, bool exitWithParent, CancellationToken cancellationToken)
    {
        try
        {
            var app = FunctionAppReader.Read(root);
            var keys = new HostKeys(Key(MasterKeyVariable), Key(FunctionKeyVariable));
            var buses = new ConcurrentDictionary<string, ServiceBusClient>();
            using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using var parent = exitWithParent ? ParentWatch.Start(stopping) : null;
            var host = new FunctionsHost(
                app,
                new FunctionReader(Environment.GetEnvironmentVariable),
                keys,
                HostState.Read(statePath),
                f => buses.GetOrAdd(f.Connection, Connect),
                TimeProvider.System);
            return await host.RunAsync(port, () => Console.WriteLine("ready"), stopping.Token);
        }
        catch (FunctionAppException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static ServiceBusClient Connect(string setting)
    {
        var connection = Environment.GetEnvironmentVariable(setting)
            ?? throw new FunctionAppException($"The setting '{setting}' with the Service Bus connection string is not set.");
        try
        {
            return new ServiceBusClient(connection, new ServiceBusClientOptions
            {
                // A bus that was away is found again within a second, for which the mail of a local test waits.
                RetryOptions =
                {
                    Mode = ServiceBusRetryMode.Fixed,
                    Delay = TimeSpan.FromSeconds(0.5),
                    MaxRetries = 1,
                    TryTimeout = TimeSpan.FromSeconds(30),
                },
            });
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw new FunctionAppException($"The setting '{setting}': {e.Message}");
        }
    }

    private static string Key(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } key
        ? key
        : throw new FunctionAppException($"{variable} is not set: give the host its key there.");
}
