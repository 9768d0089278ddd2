using MailFunctions.Core.Bus;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Hosting;

namespace MailFunctions.Functions.Housekeeping;

/// <summary>The timer that runs every <see cref="IHousekeepingTask"/>; one that fails does not keep the others from their work.</summary>
internal sealed partial class HousekeepingFunction(IEnumerable<IHousekeepingTask> tasks, ILogger<HousekeepingFunction> logger)
{
    public const string Name = "Housekeeping";

    /// <summary>The binding of `function.json`.</summary>
    public const string Binding = "timer";

    public async Task<TriggerResult> RunAsync(CancellationToken cancellationToken)
    {
        var failed = new List<string>();
        foreach (var task in tasks)
        {
            try
            {
                var done = await task.RunAsync(cancellationToken);
                if (done > 0)
                {
                    Log.Ran(logger, task.Name, done);
                }
            }
            catch (Exception e) when (e is StoreUnavailableException or BusUnavailableException)
            {
                Log.Unavailable(logger, task.Name, e.Message);
                failed.Add($"{task.Name}: {e.Message}");
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Log.Failed(logger, task.Name, e);
                failed.Add($"{task.Name}: {e.GetType().Name}");
            }
        }

        return failed.Count == 0 ? new TriggerResult.Succeeded() : new TriggerResult.Failed(string.Join("; ", failed));
    }

    private static partial class Log
    {
        [LoggerMessage(2410, LogLevel.Information, "Housekeeping, {Task}: {Done} done", EventName = "HousekeepingDone")]
        public static partial void Ran(ILogger logger, string task, int done);

        [LoggerMessage(2411, LogLevel.Warning, "Housekeeping, {Task}: {Reason}; the next run goes on with it", EventName = "HousekeepingUnavailable")]
        public static partial void Unavailable(ILogger logger, string task, string reason);

        [LoggerMessage(2412, LogLevel.Error, "Housekeeping, {Task}: a fault of ours", EventName = "HousekeepingFailed")]
        public static partial void Failed(ILogger logger, string task, Exception e);
    }
}

/// <summary>Maps the function.</summary>
internal static class HousekeepingRoutes
{
    public static void MapHousekeeping(this WebApplication app)
    {
        var function = app.Services.GetRequiredService<HousekeepingFunction>();
        app.MapTrigger(HousekeepingFunction.Name, HousekeepingFunction.Binding, (_, cancellationToken) => function.RunAsync(cancellationToken));
    }
}
