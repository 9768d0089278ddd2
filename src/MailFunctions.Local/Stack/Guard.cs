using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;

namespace MailFunctions.Local.Stack;

/// <summary>
/// Ends the stack's children when the stack itself is killed, which can't do it then: a process of its own that is given, on
/// standard input, who runs, and acts when that is closed.
/// </summary>
internal sealed class Guard : IDisposable
{
    private const string Role = "guard";

    private readonly Process _process;

    private Guard(Process process) => _process = process;

    public static Command CreateCommand()
    {
        var command = new Command(Role, "Ends the processes of a stack that was killed.") { Hidden = true };
        command.SetAction((_, _) => RunAsync());
        return command;
    }

    public static Guard Start(string program) =>
        new(Process.Start(new ProcessStartInfo(program, Role)
        {
            RedirectStandardInput = true,
            Environment = { ["DOTNET_ROOT"] = Programs.RuntimeRoot },
        })!);

    /// <summary>From now on these are the children.</summary>
    public void Write(IReadOnlyDictionary<string, ProcessRecord> processes)
    {
        try
        {
            _process.StandardInput.WriteLine(
                JsonSerializer.Serialize(new Dictionary<string, ProcessRecord>(processes), StackJson.Default.DictionaryStringProcessRecord)
                    .ReplaceLineEndings(""));
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It was killed: the next stack on the directory ends what this one may leave.
        }
    }

    /// <summary>A Ctrl-C in the terminal reaches this process as well, and is not what it waits for.</summary>
    private static async Task<int> RunAsync()
    {
        Dictionary<string, ProcessRecord> processes = [];
        while (await Console.In.ReadLineAsync() is { } line)
        {
            processes = JsonSerializer.Deserialize(line, StackJson.Default.DictionaryStringProcessRecord) ?? processes;
        }

        await LeftoverProcesses.EndAsync(processes.Values, CancellationToken.None);
        return 0;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
