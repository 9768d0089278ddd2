using System.Diagnostics;
using System.Net.Sockets;
using MailFunctions.Local.Host.App;
using MailFunctions.Local.Host.Rpc;

namespace MailFunctions.Local.Host;

/// <summary>
/// The worker's process: started, loaded over its event stream, and started again when it ends. The third end within half
/// an hour ends the host.
/// </summary>
internal sealed partial class WorkerProcess(
    FunctionApp app, FunctionRpcServer rpc, TimeProvider time, ILoggerFactory loggers)
{
    private const int MaxFailures = 3;
    private const int MaxConnects = 10;
    private static readonly TimeSpan FailureWindow = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan InitializationTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan FirstConnectPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(1.5); // with the drain below the 5 s of a clean stop

    private readonly ILogger _logger = loggers.CreateLogger<WorkerProcess>();
    private readonly Lock _lock = new();
    private readonly Queue<DateTimeOffset> _failures = new();
    private TaskCompletionSource<RunningWorker> _running = New();
    private Process? _process;
    private bool _timedOut;

    private static TaskCompletionSource<RunningWorker> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

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

    /// <summary>Waits until a worker has loaded its functions; throws when there will be none any more.</summary>
    /// <exception cref="HostEndingException">The host is ending.</exception>
    public Task<RunningWorker> RunningAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return _running.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Runs worker after worker until cancelled; false when the host has to give up.</summary>
    /// <exception cref="FunctionAppException">The worker can't be started, or its functions can't be loaded.</exception>
    public async Task<bool> SuperviseAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var exitCode = await RunOnceAsync(cancellationToken);
                cancellationToken.ThrowIfCancellationRequested();
                Log.Failed(_logger, exitCode);
                if (!TimedOut() && TooManyFailures())
                {
                    Log.GaveUp(_logger, MaxFailures);
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
            lock (_lock)
            {
                _running = _running.Task.IsCompleted ? New() : _running;
                _running.TrySetException(new HostEndingException());
                _ = _running.Task.Exception; // observed
            }
        }
    }

    /// <summary>A worker killed for a function's timeout is no failure of its own.</summary>
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
        var channel = new WorkerChannel(Guid.NewGuid().ToString(), _logger);
        rpc.Expect(channel);
        using var process = WorkerStart.Start(app, rpc.Port, channel.WorkerId, Report);
        using var ended = new CancellationTokenSource();
        using var starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        lock (_lock)
        {
            (_process, _timedOut) = (process, false);
        }

        try
        {
            var exited = process.WaitForExitAsync(CancellationToken.None);
            var loading = LoadAsync(channel, starting.Token);
            if (await Task.WhenAny(exited, loading) == loading && await loading is { } loaded)
            {
                lock (_lock)
                {
                    _running.TrySetResult(new RunningWorker(process.Id, channel, loaded, ended.Token));
                }

                Log.Ready(_logger, process.Id, loaded.Functions.Count);
            }
            else if (!exited.IsCompleted)
            {
                Log.NotReady(_logger, InitializationTimeout);
                process.Kill(entireProcessTree: true);
            }

            await exited.WaitAsync(cancellationToken);
            await starting.CancelAsync();
            return process.ExitCode;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await StopAsync(process, channel);
            return 0;
        }
        catch (FunctionAppException)
        {
            process.Kill();
            throw;
        }
        finally
        {
            rpc.Forget(channel);
            lock (_lock)
            {
                _process = null;
                _running = _running.Task.IsCompleted ? New() : _running;
            }

            await ended.CancelAsync();
        }
    }

    /// <summary>Null when it takes too long, or the worker's stream ends.</summary>
    private async Task<LoadedApp?> LoadAsync(WorkerChannel channel, CancellationToken starting)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(starting);
        using var timer = time.CreateTimer(_ => limit.Cancel(), null, InitializationTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            var loaded = await channel.LoadAsync(app, limit.Token);
            if (loaded.HttpAddress is { } address)
            {
                await ConnectAsync(address, limit.Token);
            }

            return loaded;
        }
        catch (Exception e) when (e is IOException or SocketException
            || (e is OperationCanceledException && !starting.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>The functions may be loaded before the worker's own HTTP server listens.</summary>
    private async Task ConnectAsync(Uri address, CancellationToken cancellationToken)
    {
        var pause = FirstConnectPause;
        for (var left = MaxConnects; ; left--)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
                return;
            }
            catch (SocketException) when (left > 1)
            {
                await Task.Delay(pause, time, cancellationToken);
                pause *= 2;
            }
        }
    }

    /// <summary>A function ran out of time: the worker is killed, and started again by the supervision.</summary>
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

                Log.KilledForTimeout(_logger, processId);
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

    private static async Task StopAsync(Process process, WorkerChannel channel)
    {
        channel.Terminate(StopTimeout);
        using var limit = new CancellationTokenSource(StopTimeout);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>What the worker writes itself, and not by its log: where it can't start, the reason.</summary>
    private void Report(string line, bool isError)
    {
        if (isError)
        {
            Log.Error(_logger, line);
        }
        else
        {
            Log.Output(_logger, line);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            2200, LogLevel.Information, "Worker process {ProcessId} has loaded {Functions} functions", EventName = "WorkerReady")]
        public static partial void Ready(ILogger logger, int processId, int functions);

        [LoggerMessage(2201, LogLevel.Error, "The worker ended with exit code {ExitCode}", EventName = "WorkerFailed")]
        public static partial void Failed(ILogger logger, int exitCode);

        [LoggerMessage(
            2203, LogLevel.Critical, "The worker failed {Times} times within 30 minutes: the host ends", EventName = "WorkerGaveUp")]
        public static partial void GaveUp(ILogger logger, int times);

        [LoggerMessage(2204, LogLevel.Error, "The worker did not load its functions, at most within {Limit}", EventName = "WorkerNotReady")]
        public static partial void NotReady(ILogger logger, TimeSpan limit);

        [LoggerMessage(2205, LogLevel.Error, "A function ran out of time: worker process {ProcessId} is killed and started again",
            EventName = "WorkerKilled")]
        public static partial void KilledForTimeout(ILogger logger, int processId);

        [LoggerMessage(2206, LogLevel.Information, "| {Line}", EventName = "WorkerOutput")]
        public static partial void Output(ILogger logger, string line);

        [LoggerMessage(2208, LogLevel.Error, "| {Line}", EventName = "WorkerError")]
        public static partial void Error(ILogger logger, string line);
    }
}

/// <summary>A worker that takes invocations.</summary>
/// <param name="Ended">Cancelled once the process is gone and the next can be waited for.</param>
internal sealed record RunningWorker(int ProcessId, WorkerChannel Channel, LoadedApp App, CancellationToken Ended);

/// <summary>There is no worker and there will be none.</summary>
internal sealed class HostEndingException() : Exception("The host is ending.");
