using MailFunctions.Core.Bus;
using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Triggers;
using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Housekeeping;

/// <summary>The timer that runs every <see cref="IHousekeepingTask"/>; the others run even if one fails.</summary>
internal sealed partial class HousekeepingFunction(IEnumerable<IHousekeepingTask> tasks, ILogger<HousekeepingFunction> logger)
{
    [Function("Housekeeping")]
    public async Task RunAsync([TimerTrigger("0 17 * * * *")] TimerInfo timer, CancellationToken cancellationToken)
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

        TriggerResult result = failed.Count == 0 ? new TriggerResult.Succeeded() : new TriggerResult.Failed(string.Join("; ", failed));
        result.ThrowIfFailed();
    }

    private static partial class Log
    {
        [LoggerMessage(2410, LogLevel.Information, "Housekeeping, {Task}: {Done} done", EventName = "HousekeepingDone")]
        public static partial void Ran(ILogger logger, string task, int done);

        [LoggerMessage(2411, LogLevel.Warning, "Housekeeping, {Task}: {Reason}; the next run continues",
            EventName = "HousekeepingUnavailable")]
        public static partial void Unavailable(ILogger logger, string task, string reason);

        [LoggerMessage(2412, LogLevel.Error, "Housekeeping, {Task}: an unexpected fault", EventName = "HousekeepingFailed")]
        public static partial void Failed(ILogger logger, string task, Exception e);
    }
}
