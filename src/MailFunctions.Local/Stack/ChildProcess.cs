using System.Diagnostics;

namespace MailFunctions.Local.Stack;

/// <summary>How to run one process of the stack.</summary>
internal sealed record ChildDefinition(
    string Name, string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>Waits until the process serves; null: it prints a line `ready`.</summary>
    public Func<CancellationToken, Task>? WaitUntilReady { get; init; }

    /// <summary>Where its output goes when it does not come through us.</summary>
    public string? OutputFile { get; init; }

    /// <summary>Null: this program's own.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>From SIGTERM to SIGKILL.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(4);
}

/// <summary>
/// One supervised process: its output goes to a log file, it is started again when it ends, later each time, and it is
/// asked to end before it is made to. Its standard input stays open, by which it may notice that the stack is gone.
/// </summary>
internal sealed class ChildProcess(ChildDefinition definition, string logDirectory, Action<ChildProcess> changed) : IAsyncDisposable
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CalmAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _firstReady = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _supervision = Task.CompletedTask;
    private ChildLog? _log;
    private string? _lastError;

    public string Name => definition.Name;

    /// <summary>The process now; null between two.</summary>
    public ProcessRecord? Current { get; private set; }

    /// <summary>Starts it; the task ends when it serves for the first time.</summary>
    /// <exception cref="StackException">It ended before that; the message is its own.</exception>
    public Task StartAsync()
    {
        _log = ChildLog.Open(logDirectory, Name);
        _supervision = SuperviseAsync();
        return _firstReady.Task;
    }

    private async Task SuperviseAsync()
    {
        var delay = FirstDelay;
        while (!_stopping.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            var exitCode = await RunOnceAsync();
            if (_stopping.IsCancellationRequested)
            {
                break;
            }

            if (!_firstReady.Task.IsCompletedSuccessfully)
            {
                _firstReady.TrySetException(new StackException(
                    LastError() ?? $"The {Name} process ended with exit code {exitCode}; see the logs in {logDirectory}."));
                break;
            }

            delay = Stopwatch.GetElapsedTime(started) > CalmAfter ? FirstDelay : delay;
            Write($"--- {Name} ended with exit code {exitCode}; it is started again in {delay.TotalSeconds:0.0} s");
            await Task.Delay(delay, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            delay = TimeSpan.FromTicks(Math.Min(delay.Ticks * 2, LongestDelay.Ticks));
        }

        _firstReady.TrySetCanceled();
    }

    /// <summary>What the process itself says is wrong.</summary>
    private string? LastError()
    {
        if (definition.OutputFile is { } file && File.Exists(file))
        {
            return File.ReadLines(file).LastOrDefault(l => l.Contains("rror", StringComparison.Ordinal)) is { } line
                ? $"{Name}: {line.Trim()}"
                : null;
        }

        return _lastError;
    }

    private async Task<int> RunOnceAsync()
    {
        var readyLine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var process = Create(readyLine);
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            _lastError = $"{definition.Program} can't be started: {e.Message}";
            return -1;
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Current = new ProcessRecord(process.Id, process.StartTime.ToUniversalTime());
        changed(this);
        var exited = process.WaitForExitAsync(CancellationToken.None);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var ready = WatchReadyAsync(readyLine.Task, exited, watching.Token);
        await Task.WhenAny(exited, Task.Delay(Timeout.InfiniteTimeSpan, _stopping.Token));
        if (!exited.IsCompleted)
        {
            await StopAsync(process, exited);
        }

        await exited;
        await watching.CancelAsync();
        await ready;
        Current = null;
        changed(this);
        return process.ExitCode;
    }

    private async Task WatchReadyAsync(Task readyLine, Task exited, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ReadyTimeout);
        try
        {
            var ready = definition.WaitUntilReady is { } wait ? wait(limit.Token) : readyLine.WaitAsync(limit.Token);
            if (await Task.WhenAny(ready, exited) == ready)
            {
                await ready;
                _firstReady.TrySetResult();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            _firstReady.TrySetException(new StackException(
                $"The {Name} process did not get ready within {ReadyTimeout.TotalSeconds} s; see the logs in {logDirectory}."));
        }
        catch (OperationCanceledException)
        {
            // The stack stops.
        }
    }

    private Process Create(TaskCompletionSource ready)
    {
        var start = new ProcessStartInfo(definition.Program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = definition.WorkingDirectory ?? "",
        };
        foreach (var argument in definition.Arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_ROOT"] = Programs.RuntimeRoot;
        foreach (var (key, value) in definition.Environment)
        {
            start.Environment[key] = value;
        }

        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data == "ready")
            {
                ready.TrySetResult();
            }

            Write(line.Data);
        };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } text)
            {
                _lastError = text;
            }

            Write(line.Data);
        };
        return process;
    }

    private async Task StopAsync(Process process, Task exited)
    {
        Processes.Terminate(process.Id);
        try
        {
            await exited.WaitAsync(definition.StopTimeout);
        }
        catch (TimeoutException)
        {
            Write($"--- {Name} did not end within {definition.StopTimeout.TotalSeconds} s of being asked: it is killed");
            process.Kill(entireProcessTree: true);
        }
    }

    private void Write(string? line)
    {
        if (line is not null)
        {
            _log?.Write(line);
        }
    }

    /// <summary>Asks it to end and waits until it has.</summary>
    public async Task EndAsync()
    {
        await _stopping.CancelAsync();
        await _supervision;
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _log?.Dispose();
        _stopping.Dispose();
    }
}
