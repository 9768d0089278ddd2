using System.Diagnostics;
using System.Globalization;
using MailFunctions.Local.Host.App;

namespace MailFunctions.Local.Host;

/// <summary>Starts a worker as the Azure Functions host does.</summary>
internal static class WorkerStart
{
    private const string StartupHooks = "DOTNET_STARTUP_HOOKS";

    /// <param name="report">Gets each line of its output, and whether it is one of errors.</param>
    /// <exception cref="FunctionAppException">The program can't be started.</exception>
    public static Process Start(FunctionApp app, int port, string workerId, Action<string, bool> report)
    {
        var address = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/");
        var start = new ProcessStartInfo(app.Executable)
        {
            WorkingDirectory = app.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        string[] arguments =
        [
            .. app.Arguments,
            "--host", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--workerId", workerId, "--requestId", workerId,
            "--grpcMaxMessageLength", "2147483647",
            "--functions-uri", address, "--functions-worker-id", workerId, "--functions-request-id", workerId,
            "--functions-grpc-max-message-length", "2147483647",
        ];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // The host's own environment is inherited, as from the real host; its keys are its alone.
        start.Environment.Remove(HostCommand.MasterKeyVariable);
        start.Environment.Remove(HostCommand.FunctionKeyVariable);
        start.Environment["FUNCTIONS_APPLICATION_DIRECTORY"] = app.Root;
        start.Environment["FUNCTIONS_WORKER_DIRECTORY"] = app.Root;
        start.Environment["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated";
        start.Environment["FUNCTIONS_WORKER_RUNTIME_VERSION"] = "10.0";
        // It ends with this process: see StartupHook.
        var watch = typeof(WorkerStart).Assembly.Location;
        start.Environment[StartupHooks] = Environment.GetEnvironmentVariable(StartupHooks) is { Length: > 0 } others
            ? others + Path.PathSeparator + watch
            : watch;
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Report(line.Data, isError: false);
        process.ErrorDataReceived += (_, line) => Report(line.Data, isError: true);
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            process.Dispose();
            throw new FunctionAppException($"The worker '{app.Executable}' can't be started: {e.Message}");
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;

        void Report(string? line, bool isError)
        {
            if (!string.IsNullOrEmpty(line))
            {
                report(line, isError);
            }
        }
    }
}
