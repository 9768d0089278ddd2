using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MailFunctions.TestKit;

/// <summary>A program under test: started, watched, and ended by its own id.</summary>
public sealed partial class ProgramProcess : IAsyncDisposable
{
    private const int Sigterm = 15;
    private const int Sigkill = 9;
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _awaited = new();

    private ProgramProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Lines of standard output so far.</summary>
    public IReadOnlyList<string> Output => [.. _output];

    /// <summary>Lines of standard error so far.</summary>
    public IReadOnlyList<string> Errors => [.. _errors];

    public static ProgramProcess Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (key, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[key] = value;
        }

        var process = new Process { StartInfo = start };
        var running = new ProgramProcess(process);
        process.OutputDataReceived += (_, line) => running.Add(running._output, line.Data);
        process.ErrorDataReceived += (_, line) => running.Add(running._errors, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return running;
    }

    private void Add(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
        {
            lines.Enqueue(line);
            if (_awaited.TryGetValue(line, out var waiting))
            {
                waiting.TrySetResult();
            }
        }
    }

    /// <summary>Waits for a line of output that equals <paramref name="line"/>.</summary>
    /// <exception cref="InvalidOperationException">The program ended first; the message holds its errors.</exception>
    public async Task WaitForLineAsync(string line, TimeSpan limit)
    {
        var waiting = _awaited.GetOrAdd(line, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        if (_output.Contains(line))
        {
            return;
        }

        var first = await Task.WhenAny(waiting.Task, _process.WaitForExitAsync(), Task.Delay(limit));
        if (first != waiting.Task && !_output.Contains(line))
        {
            throw new InvalidOperationException(
                $"No line '{line}' came within {limit}{(_process.HasExited ? ", the program ended with " + _process.ExitCode : "")}. Its "
                    + $"output:\n{string.Join('\n', _output)}\n{string.Join('\n', _errors)}");
        }
    }

    /// <summary>Waits for the end and gives the exit code.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        await _process.WaitForExitAsync(timeout.Token);
        return _process.ExitCode;
    }

    public void Terminate() => _ = Kill(_process.Id, Sigterm);

    /// <summary>SIGKILL: nothing is tidied up.</summary>
    public void KillHard() => KillHard(_process.Id);

    public static void KillHard(int processId) => _ = Kill(processId, Sigkill);

    public static void Terminate(int processId) => _ = Kill(processId, Sigterm);

    /// <summary>A process with that id runs.</summary>
    public static bool IsRunning(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Terminate();
            try
            {
                await WaitForExitAsync(StopLimit);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
