using System.Collections.Concurrent;
using System.CommandLine;
using System.ComponentModel.DataAnnotations;
using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Bus;

namespace MailFunctions.Local.Host;

/// <summary>`host`: an Azure Functions host for custom handlers, in a process of its own.</summary>
internal static class HostCommand
{
    public const string MasterKeyVariable = "HOST_MASTER_KEY";
    public const string FunctionKeyVariable = "HOST_FUNCTION_KEY";

    public static Command Create()
    {
        var app = new Option<DirectoryInfo>("--app") { Description = "The published function app: the folder with host.json", Required = true };
        var port = new Option<int>("--port") { Description = "HTTP port", DefaultValueFactory = _ => 7071 };
        var state = new Option<FileInfo?>("--state") { Description = "File that keeps what outlives a restart: the handler's process, the timers' last runs" };
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "End when standard input is closed" };
        var command = new Command("host", $"The local Azure Functions host. Keys come from {MasterKeyVariable} and {FunctionKeyVariable}, settings from the environment.")
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

    private static async Task<int> RunAsync(string root, int port, string? statePath, bool exitWithParent, CancellationToken cancellationToken)
    {
        try
        {
            var app = new FunctionAppReader(root, Environment.GetEnvironmentVariable).Read();
            var keys = new HostKeys(Key(MasterKeyVariable), Key(FunctionKeyVariable));
            var buses = new ConcurrentDictionary<string, IBusReceiverFactory>();
            foreach (var function in app.Functions.OfType<QueueFunction>())
            {
                buses.GetOrAdd(function.Connection, Connect);
            }

            using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using var parent = exitWithParent ? ParentWatch.Start(stopping) : null;
            var host = new FunctionsHost(app, keys, HostState.Read(statePath), f => buses[f.Connection], TimeProvider.System);
            return await host.RunAsync(port, () => Console.WriteLine("ready"), stopping.Token);
        }
        catch (FunctionAppException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static IBusReceiverFactory Connect(string setting)
    {
        try
        {
            return BusRegistration.CreateReceivers(Environment.GetEnvironmentVariable(setting)
                ?? throw new FunctionAppException($"The setting '{setting}' with the Service Bus connection string is not set."));
        }
        catch (ValidationException e)
        {
            throw new FunctionAppException($"The setting '{setting}': {e.Message}");
        }
    }

    private static string Key(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } key
        ? key
        : throw new FunctionAppException($"{variable} is not set: give the host its key there.");
}
