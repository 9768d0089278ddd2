using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MailFunctions.Local.Stack;

/// <summary>Where the programs of the stack are: built beside this one, Node on the PATH, Azurite among the Node packages.</summary>
internal sealed record Programs(string Local, string Edge, string FunctionApp, string Node, string Azurite, string? CoreTools)
{
    /// <summary>Names the folder of a published function app to run in place of the built one.</summary>
    private const string FunctionAppVariable = "LOCAL_FUNCTION_APP";

    /// <summary>Names the folder of a published edge, likewise.</summary>
    private const string EdgeVariable = "LOCAL_EDGE";

    private const int OldestNode = 20;

    /// <param name="coreTools">Azure Functions Core Tools run the function app, and not the host of this program.</param>
    /// <exception cref="StackException">Something is missing.</exception>
    public static Programs Find(bool coreTools)
    {
        var here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        var configuration = Path.GetFileName(here);
        var bin = Path.GetFullPath(Path.Combine(here, "..", ".."));
        string FolderOf(string program, string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } published
            ? Path.GetFullPath(published)
            : Path.Combine(bin, program, configuration);
        var edge = Path.Combine(FolderOf("MailFunctions.Edge", EdgeVariable), Executable("MailFunctions.Edge"));
        var app = FolderOf("MailFunctions.Functions", FunctionAppVariable);
        if (!File.Exists(edge) || !File.Exists(Path.Combine(app, "MailFunctions.Functions.dll")))
        {
            throw new StackException("The edge or the function app is not built: run `dotnet build` first.");
        }

        CheckNode();
        // Not Environment.ProcessPath: by `dotnet MailFunctions.Local.dll` that is `dotnet`.
        var local = Path.Combine(here, Executable("MailFunctions.Local"));
        return new Programs(local, edge, app, "node", FindAzurite(here), coreTools ? FindCoreTools(app) : null);
    }

    /// <summary>Where a child finds the runtime: the one that this process runs on, which need not be where it is looked for.</summary>
    public static string RuntimeRoot { get; } = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    private static string Executable(string name) => OperatingSystem.IsWindows() ? name + ".exe" : name;

    private static string FindAzurite(string from)
    {
        for (var directory = new DirectoryInfo(from); directory is not null; directory = directory.Parent)
        {
            var azurite = Path.Combine(directory.FullName, "node_modules", "azurite", "dist", "src", "azurite.js");
            if (File.Exists(azurite))
            {
                return azurite;
            }
        }

        throw new StackException("Azurite is not installed: run `npm ci` in the repository, or build again.");
    }

    private static string FindCoreTools(string app)
    {
        if (!File.ReadAllText(Path.Combine(app, "extensions.json")).Contains("ServiceBusWebJobsStartup", StringComparison.Ordinal))
        {
            throw new StackException(
                $"The function app in {app} lacks the host's half of the Service Bus trigger, which func needs: "
                + $"run `dotnet publish src/MailFunctions.Functions -o DIR` and name DIR in {FunctionAppVariable}.");
        }

        var names = OperatingSystem.IsWindows() ? (string[])["func.exe", "func.cmd"] : ["func"];
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(d => names.Select(n => Path.Combine(d, n))).FirstOrDefault(File.Exists)
            ?? throw new StackException(
                "Azure Functions Core Tools (func) were not found on the PATH: install version 4, or leave `--functions-host func` out.");
    }

    private static void CheckNode()
    {
        try
        {
            using var node = Process.Start(new ProcessStartInfo("node", "--version") { RedirectStandardOutput = true })!;
            var version = node.StandardOutput.ReadToEnd().Trim();
            node.WaitForExit();
            if (!int.TryParse(version.TrimStart('v').Split('.')[0], out var major) || major < OldestNode)
            {
                throw new StackException(
                    $"Node.js {OldestNode} or later is needed (it runs Azurite, the storage emulator); this is {version}.");
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new StackException(
                $"Node.js was not found on the PATH: install version {OldestNode} or later (it runs Azurite, the storage emulator).");
        }
    }
}
