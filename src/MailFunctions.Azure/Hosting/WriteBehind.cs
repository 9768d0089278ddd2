using Microsoft.Extensions.Hosting;

namespace MailFunctions.Azure.Hosting;

/// <summary>
/// Writes what the process has gathered once a pause, so that no session and no attempt waits for the store, and once more
/// when the process stops.
/// </summary>
public abstract class WriteBehind(TimeSpan pause, TimeProvider time) : BackgroundService
{
    /// <summary>How long a write of a process that stops may take.</summary>
    private static readonly TimeSpan LastWrite = TimeSpan.FromSeconds(3);

    /// <summary>The clock.</summary>
    protected TimeProvider Time { get; } = time;

    /// <summary>
    /// Names this process in rows that it alone writes: a process that starts anew does not replace the rows of the one
    /// before.
    /// </summary>
    protected static string NewInstance() => $"{Environment.MachineName}-{Guid.NewGuid().ToString("N")[..8]}";

    /// <summary>Writes what there is; what can't be written now is kept for the next time, or dropped and counted.</summary>
    protected abstract Task FlushAsync(CancellationToken cancellationToken);

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        bool isLast;
        do
        {
            await Task.Delay(pause, Time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            isLast = stoppingToken.IsCancellationRequested;
            using var limit = new CancellationTokenSource(Timeout.InfiniteTimeSpan, Time);
            using var stop = stoppingToken.Register(() => limit.CancelAfter(LastWrite));
            await FlushAsync(limit.Token);
        }
        while (!isLast);
    }
}
