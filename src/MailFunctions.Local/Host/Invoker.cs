using MailFunctions.Local.Host.App;
using MailFunctions.Local.Host.Rpc;

namespace MailFunctions.Local.Host;

/// <summary>What an invocation came to.</summary>
internal sealed record InvocationResult(bool Succeeded, string? Fault);

/// <summary>Runs functions on the worker, within the function timeout.</summary>
internal sealed class Invoker(FunctionApp app, WorkerProcess worker, TimeProvider time)
{
    /// <summary>A function that was asked to end is waited for so long.</summary>
    private static readonly TimeSpan CancelGrace = TimeSpan.FromSeconds(1);

    /// <summary>Runs a function on the worker of now, or the next one.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="stopping"/>, before there was a worker.</exception>
    public async Task<InvocationResult> InvokeAsync(FunctionDefinition function, InvocationRequest request, CancellationToken stopping)
    {
        try
        {
            return await InvokeAsync(await worker.RunningAsync(stopping), function, request, stopping);
        }
        catch (HostEndingException e)
        {
            // Not at once: what is given back comes again at once, as long as the triggers have not stopped.
            await Task.Delay(Timeout.InfiniteTimeSpan, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return new InvocationResult(false, e.Message);
        }
    }

    /// <summary>Runs a function on this worker; never throws. After <paramref name="stopping"/> the function is asked to end.</summary>
    public async Task<InvocationResult> InvokeAsync(
        RunningWorker running, FunctionDefinition function, InvocationRequest request, CancellationToken stopping)
    {
        if (!running.App.Functions.TryGetValue(function.Name, out var loaded))
        {
            return new InvocationResult(false, $"The worker has no function '{function.Name}' any more.");
        }

        request.FunctionId = loaded.FunctionId;
        request.TraceContext ??= new RpcTraceContext();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(running.Ended);
        using var timer = time.CreateTimer(_ => limit.Cancel(), null, app.FunctionTimeout, Timeout.InfiniteTimeSpan);
        await using var cancelling = stopping.Register(() =>
        {
            running.Channel.Cancel(request.InvocationId);
            limit.CancelAfter(CancelGrace);
        });
        try
        {
            var result = await running.Channel.InvokeAsync(request, limit.Token);
            return result.Status == StatusResult.Types.Status.Success
                ? new InvocationResult(true, null)
                : new InvocationResult(false, result.Exception?.Message ?? result.Status.ToString());
        }
        catch (Exception e) when (e is IOException || running.Ended.IsCancellationRequested)
        {
            await EndAsync(running, stopping);
            return new InvocationResult(false, "The worker ended.");
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return new InvocationResult(false, "It was cancelled.");
        }
        catch (OperationCanceledException)
        {
            worker.KillForTimeout(running.ProcessId);
            return new InvocationResult(false, $"'{function.Name}' did not end within {app.FunctionTimeout}.");
        }
    }

    /// <summary>
    /// The stream ends before the process does: what was given back now would go to the same worker, and spend a delivery.
    /// </summary>
    private static async Task EndAsync(RunningWorker running, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(running.Ended, stopping);
        await Task.Delay(Timeout.InfiniteTimeSpan, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
