using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace MailFunctions.Local.Host;

/// <summary>
/// The handler's process: started with a port of its own, asked until it answers, started again when it fails (the
/// third failure within half an hour ends the host), and not started again when it ends with 0.
/// </summary>
internal sealed partial class HandlerProcess(FunctionApp app, HostState state, TimeProvider time, ILogger<HandlerProcess> logger) : IDisposable
{
    private const int MaxFailures = 3;
    private static readonly TimeSpan FailureWindow = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan InitializationTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReadyInterval = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(1.5); // with the drain below the 5 s of a clean stop

    private readonly Lock _lock = new();
    private readonly Queue<DateTimeOffset> _failures = new();
    private readonly HttpClient _probe = new() { Timeout = TimeSpan.FromSeconds(2) };
    private TaskCompletionSource<RunningHandler> _running = New();
    private Process? _process;
    private bool _timedOut;

    private static TaskCompletionSource<RunningHandler> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The process id now, or null between two processes.</summary>
    public int? ProcessId
    {
        get
        {
            lock (_lock)
            {
                return _running.Task.IsCompletedSuccessfully ? _running.Task.Result.ProcessId : null;
            }
        }
    }

    /// <summary>Waits until a handler serves; throws when there will be none any more.</summary>
    /// <exception cref="HandlerEndedException">It ended with 0, or the host is ending.</exception>
    public Task<RunningHandler> RunningAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return _running.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Runs handler after handler until cancelled; false when the host has to give up.</summary>
    public async Task<bool> SuperviseAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var exitCode = await RunOnceAsync(cancellationToken);
                if (cancellationToken.IsCancellationRequested)
                {
                    return true;
                }

                if (exitCode == 0)
                {
                    Log.EndedForGood(logger);
                    Fail(new HandlerEndedException("The handler ended by itself, with exit code 0, and is not started again."));
                    await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
                }

                Log.Failed(logger, exitCode);
                if (!TimedOut() && TooManyFailures())
                {
                    Log.GaveUp(logger, MaxFailures);
                    return false;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return true;
        }
        finally
        {
            Fail(new HandlerEndedException("The host is ending."));
        }
    }

    /// <summary>A handler killed for a function's timeout is no failure of its own.</summary>
    private bool TimedOut()
    {
        lock (_lock)
        {
            return _timedOut;
        }
    }

    private bool TooManyFailures()
    {
        var now = time.GetUtcNow();
        _failures.Enqueue(now);
        while (now - _failures.Peek() > FailureWindow)
        {
            _failures.Dequeue();
        }

        return _failures.Count >= MaxFailures;
    }

    private async Task<int> RunOnceAsync(CancellationToken cancellationToken)
    {
        var port = FreePort();
        using var process = Start(port);
        using var ended = new CancellationTokenSource();
        lock (_lock)
        {
            (_process, _timedOut) = (process, false);
        }

        state.HandlerStarted(process);
        try
        {
            using var starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var exited = process.WaitForExitAsync(CancellationToken.None);
            var ready = WaitUntilReadyAsync(port, starting.Token);
            await Task.WhenAny(exited, ready);
            if (!exited.IsCompleted && !await ready)
            {
                Log.NotReady(logger, InitializationTimeout);
                process.Kill(entireProcessTree: true);
            }
            else if (!exited.IsCompleted)
            {
                lock (_lock)
                {
                    _running.TrySetResult(new RunningHandler(process.Id, new Uri($"http://127.0.0.1:{port}"), ended.Token));
                }

                Log.Ready(logger, process.Id, port);
                await exited.WaitAsync(cancellationToken);
            }

            await starting.CancelAsync();
            await exited.WaitAsync(cancellationToken);
            return process.ExitCode;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await StopAsync(process);
            return 0;
        }
        finally
        {
            lock (_lock)
            {
                _process = null;
                if (_running.Task.IsCompleted)
                {
                    _running = New();
                }
            }

            await ended.CancelAsync();
            state.HandlerEnded();
        }
    }

    private void Fail(HandlerEndedException reason)
    {
        lock (_lock)
        {
            if (_running.Task.IsCompleted)
            {
                _running = New();
            }

            _running.TrySetException(reason);
            _ = _running.Task.Exception; // observed
        }
    }

    /// <summary>A function ran out of time: the handler is killed, and started again by the supervision.</summary>
    public void KillForTimeout(int processId)
    {
        lock (_lock)
        {
            if (_process is { HasExited: false } process && process.Id == processId)
            {
                _timedOut = true;
                if (_running.Task.IsCompleted)
                {
                    _running = New(); // nothing more goes to this one: what it gives back would spend a delivery
                }

                Log.KilledForTimeout(logger, processId);
                try
                {
                    process.Kill(); // alone: the walk over a process tree may fail when others come and go
                }
                catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
                {
                    // It has ended by itself.
                }
            }
        }
    }

    private Process Start(int port)
    {
        var start = new ProcessStartInfo(app.Executable)
        {
            WorkingDirectory = app.WorkingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var argument in app.Arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // The keys are the host's alone.
        start.Environment.Remove(HostCommand.MasterKeyVariable);
        start.Environment.Remove(HostCommand.FunctionKeyVariable);
        // The host's own environment is inherited, ASPNETCORE_URLS and all: that is how the real host behaves.
        start.Environment["FUNCTIONS_CUSTOMHANDLER_PORT"] = port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        start.Environment["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"] = Guid.NewGuid().ToString();
        start.Environment["FUNCTIONS_APP_ROOT_PATH"] = app.Root;
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
            throw new FunctionAppException($"host.json: the handler '{app.Executable}' can't be started: {e.Message}");
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void Report(string? line, bool isError)
    {
        if (line is null)
        {
            return;
        }

        if (!isError)
        {
            Log.Output(logger, line);
        }
        else if (line.Contains("warn", StringComparison.OrdinalIgnoreCase))
        {
            Log.Warning(logger, line);
        }
        else
        {
            Log.Error(logger, line);
        }
    }

    /// <summary>`GET /` until any status comes back; false when that takes too long.</summary>
    private async Task<bool> WaitUntilReadyAsync(int port, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (time.GetElapsedTime(started) < InitializationTimeout)
        {
            try
            {
                using var answer = await _probe.GetAsync(new Uri($"http://127.0.0.1:{port}/"), cancellationToken);
                return true;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
                await Task.Delay(ReadyInterval, time, cancellationToken);
            }
        }

        return false;
    }

    private static async Task StopAsync(Process process)
    {
        try
        {
            if (!process.HasExited)
            {
                Processes.Terminate(process.Id);
                using var limit = new CancellationTokenSource(StopTimeout);
                await process.WaitForExitAsync(limit.Token);
            }
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
        }
    }

    public void Dispose() => _probe.Dispose();

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static partial class Log
    {
        [LoggerMessage(2200, LogLevel.Information, "Handler process {ProcessId} serves on port {Port}", EventName = "HandlerReady")]
        public static partial void Ready(ILogger logger, int processId, int port);

        [LoggerMessage(2201, LogLevel.Error, "The handler ended with exit code {ExitCode}", EventName = "HandlerFailed")]
        public static partial void Failed(ILogger logger, int exitCode);

        [LoggerMessage(2202, LogLevel.Warning, "The handler ended with exit code 0 and is not started again; calls will fail", EventName = "HandlerEnded")]
        public static partial void EndedForGood(ILogger logger);

        [LoggerMessage(2203, LogLevel.Critical, "The handler failed {Times} times within 30 minutes: the host ends", EventName = "HandlerGaveUp")]
        public static partial void GaveUp(ILogger logger, int times);

        [LoggerMessage(2204, LogLevel.Error, "The handler did not answer within {Limit}", EventName = "HandlerNotReady")]
        public static partial void NotReady(ILogger logger, TimeSpan limit);

        [LoggerMessage(2205, LogLevel.Error, "A function ran out of time: handler process {ProcessId} is killed and started again", EventName = "HandlerKilled")]
        public static partial void KilledForTimeout(ILogger logger, int processId);

        [LoggerMessage(2206, LogLevel.Information, "| {Line}", EventName = "HandlerOutput")]
        public static partial void Output(ILogger logger, string line);

        [LoggerMessage(2207, LogLevel.Warning, "| {Line}", EventName = "HandlerWarning")]
        public static partial void Warning(ILogger logger, string line);

        [LoggerMessage(2208, LogLevel.Error, "| {Line}", EventName = "HandlerError")]
        public static partial void Error(ILogger logger, string line);
    }
}

/// <summary>A handler that serves.</summary>
/// <param name="Ended">Cancelled once the process is gone and the next can be waited for.</param>
internal sealed record RunningHandler(int ProcessId, Uri Address, CancellationToken Ended);

/// <summary>There is no handler and there will be none.</summary>
internal sealed class HandlerEndedException(string message) : Exception(message);
