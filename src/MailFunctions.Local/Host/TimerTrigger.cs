using MailFunctions.Local.Host.App;

namespace MailFunctions.Local.Host;

/// <summary>Runs one function by its schedule, never two runs at once; a run missed while the host was away is made up for.</summary>
internal sealed partial class TimerTrigger(
    TimerFunction function, HostState state, Invoker invoker, TimeProvider time, ILogger<TimerTrigger> logger)
{
    private static readonly TimeSpan LongestSleep = TimeSpan.FromHours(1);

    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            var isPastDue = state.LastRun(function.Name) is { } last && last.Next < time.GetUtcNow();
            if (isPastDue || function.RunOnStartup)
            {
                await RunOnceAsync(isPastDue, stopping);
            }

            while (function.Schedule.Next(time.GetUtcNow()) is { } next)
            {
                for (var left = next - time.GetUtcNow(); left > TimeSpan.Zero; left = next - time.GetUtcNow())
                {
                    await Task.Delay(left < LongestSleep ? left : LongestSleep, time, stopping);
                }

                await RunOnceAsync(isPastDue: false, stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // The host ends.
        }
    }

    /// <summary>One run now, by the schedule or by hand.</summary>
    public async Task<InvocationResult> RunOnceAsync(bool isPastDue, CancellationToken stopping)
    {
        var started = time.GetUtcNow();
        var result = await invoker.InvokeAsync(
            function, TriggerData.ForTimer(function, state.LastRun(function.Name), isPastDue), stopping);
        var now = time.GetUtcNow();
        state.Ran(function.Name, new TimerRun(started, function.Schedule.Next(now) ?? DateTimeOffset.MaxValue, now));
        if (!result.Succeeded)
        {
            Log.Failed(logger, function.Name, result.Fault ?? "");
        }

        return result;
    }

    private static partial class Log
    {
        [LoggerMessage(2230, LogLevel.Error, "The timer function {Function} failed: {Fault}", EventName = "TimerFailed")]
        public static partial void Failed(ILogger logger, string function, string fault);
    }
}
