using MailFunctions.Core.Bus;

namespace MailFunctions.Local.Host;

/// <summary>
/// Feeds one function from its queue: so many messages at once, each lock renewed while the handler works, completed on
/// success and abandoned on failure. Nothing is received while no handler runs.
/// </summary>
internal sealed partial class QueueTrigger(
    QueueFunction function, int maxConcurrentCalls, IBusReceiverFactory bus, HandlerProcess handler, Invoker invoker, TimeProvider time, ILogger<QueueTrigger> logger)
{
    private static readonly TimeSpan ReceiveWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PauseWhenAway = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SettleTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Runs until stopped; messages under way are then abandoned, unless they end before <paramref name="aborting"/>.</summary>
    public async Task RunAsync(CancellationToken stopping, CancellationToken aborting)
    {
        await using var receiver = bus.OpenReceiver(function.Queue, prefetch: 0);
        await Task.WhenAll(Enumerable.Range(0, maxConcurrentCalls).Select(_ => WorkAsync(receiver, stopping, aborting)));
    }

    private async Task WorkAsync(IBusReceiver receiver, CancellationToken stopping, CancellationToken aborting)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await handler.RunningAsync(stopping);
                if (await receiver.ReceiveAsync(ReceiveWait, stopping) is { } message)
                {
                    await ProcessAsync(receiver, message, aborting);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (HandlerEndedException)
            {
                return; // nobody would take the messages
            }
            catch (BusUnavailableException e)
            {
                Log.BusAway(logger, function.Queue, e.Message);
                await Task.Delay(PauseWhenAway, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ProcessAsync(IBusReceiver receiver, IReceivedMessage message, CancellationToken aborting)
    {
        using var working = new CancellationTokenSource();
        var renewing = RenewAsync(receiver, message, working.Token);
        InvocationResult result;
        try
        {
            result = await invoker.InvokeAsync(function.Name, TriggerPayload.ForMessage(function, message, time.GetUtcNow()), aborting);
        }
        catch (OperationCanceledException)
        {
            result = new InvocationResult(false, "the host is ending");
        }

        await working.CancelAsync();
        await renewing;
        using var limit = new CancellationTokenSource(SettleTimeout);
        try
        {
            var settled = result.Succeeded ? await receiver.CompleteAsync(message, limit.Token) : await receiver.AbandonAsync(message, limit.Token);
            if (!result.Succeeded)
            {
                Log.Abandoned(logger, function.Name, message.MessageId, message.DeliveryCount, result.Fault ?? "");
            }

            if (!settled)
            {
                Log.LockLost(logger, function.Name, message.MessageId);
            }
        }
        catch (Exception e) when (e is BusUnavailableException or OperationCanceledException)
        {
            Log.NotSettled(logger, function.Name, message.MessageId, e.Message); // it comes again when its lock has run out
        }
    }

    private async Task RenewAsync(IBusReceiver receiver, IReceivedMessage message, CancellationToken working)
    {
        try
        {
            while (true)
            {
                var left = message.LockedUntil - time.GetUtcNow();
                await Task.Delay(left > TimeSpan.FromSeconds(1) ? left / 2 : TimeSpan.FromMilliseconds(500), time, working);
                if (await receiver.RenewLockAsync(message, working) is null)
                {
                    return; // lost: settling will tell
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or BusUnavailableException)
        {
            // Done, or the lock runs out.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2220, LogLevel.Warning, "{Function}: message {MessageId} abandoned after delivery {Delivery}: {Fault}", EventName = "MessageAbandoned")]
        public static partial void Abandoned(ILogger logger, string function, string messageId, int delivery, string fault);

        [LoggerMessage(2221, LogLevel.Warning, "{Function}: the lock of message {MessageId} was lost; it comes again", EventName = "LockLost")]
        public static partial void LockLost(ILogger logger, string function, string messageId);

        [LoggerMessage(2222, LogLevel.Warning, "{Function}: message {MessageId} could not be settled: {Reason}", EventName = "NotSettled")]
        public static partial void NotSettled(ILogger logger, string function, string messageId, string reason);

        [LoggerMessage(2223, LogLevel.Warning, "The queue '{Queue}' can't be read: {Reason}", EventName = "BusAway")]
        public static partial void BusAway(ILogger logger, string queue, string reason);
    }
}
