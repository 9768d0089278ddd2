using Azure.Messaging.ServiceBus;
using MailFunctions.Local.Host.App;

namespace MailFunctions.Local.Host;

/// <summary>
/// Feeds one function from its queue by the SDK's processor, as the real host does: so many messages at once, each lock
/// renewed while the function works, completed on success and abandoned on failure.
/// </summary>
internal sealed partial class QueueTrigger(
    QueueFunction function, FunctionApp app, ServiceBusClient bus, Invoker invoker, ILogger<QueueTrigger> logger)
{
    private static readonly TimeSpan SettleTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Runs until stopped; messages under way are then abandoned, unless they end before <paramref name="aborting"/>.</summary>
    public async Task RunAsync(CancellationToken stopping, CancellationToken aborting)
    {
        await using var processor = bus.CreateProcessor(function.Queue, new ServiceBusProcessorOptions
        {
            AutoCompleteMessages = false,
            MaxConcurrentCalls = app.MaxConcurrentCalls,
            MaxAutoLockRenewalDuration = app.MaxLockRenewal,
        });
        processor.ProcessMessageAsync += message => ProcessAsync(message, aborting);
        processor.ProcessErrorAsync += error =>
        {
            if (error.ErrorSource is not ServiceBusErrorSource.Complete and not ServiceBusErrorSource.Abandon)
            {
                Log.BusAway(logger, function.Queue, error.Exception.Message);
            }

            return Task.CompletedTask;
        };
        await processor.StartProcessingAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.Delay(Timeout.InfiniteTimeSpan, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await processor.StopProcessingAsync(CancellationToken.None);
    }

    private async Task ProcessAsync(ProcessMessageEventArgs args, CancellationToken aborting)
    {
        InvocationResult result;
        try
        {
            result = await invoker.InvokeAsync(function, TriggerData.ForMessage(function, args.Message), aborting);
        }
        catch (OperationCanceledException)
        {
            result = new InvocationResult(false, "The host is ending.");
        }

        using var limit = new CancellationTokenSource(SettleTimeout);
        try
        {
            if (result.Succeeded)
            {
                await args.CompleteMessageAsync(args.Message, limit.Token);
            }
            else
            {
                Log.Abandoned(logger, function.Name, args.Message.MessageId, args.Message.DeliveryCount, result.Fault ?? "");
                await args.AbandonMessageAsync(args.Message, cancellationToken: limit.Token);
            }
        }
        catch (ServiceBusException e) when (e.Reason == ServiceBusFailureReason.MessageLockLost)
        {
            Log.LockLost(logger, function.Name, args.Message.MessageId);
        }
        catch (Exception e) when (e is ServiceBusException or OperationCanceledException)
        {
            Log.NotSettled(logger, function.Name, args.Message.MessageId, e.Message); // it comes again when its lock has run out
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2220, LogLevel.Warning, "{Function}: message {MessageId} abandoned after delivery {Delivery}: {Fault}",
            EventName = "MessageAbandoned")]
        public static partial void Abandoned(ILogger logger, string function, string messageId, int delivery, string fault);

        [LoggerMessage(
            2221, LogLevel.Warning, "{Function}: the lock of message {MessageId} was lost; it comes again", EventName = "LockLost")]
        public static partial void LockLost(ILogger logger, string function, string messageId);

        [LoggerMessage(2222, LogLevel.Warning, "{Function}: message {MessageId} could not be settled: {Reason}", EventName = "NotSettled")]
        public static partial void NotSettled(ILogger logger, string function, string messageId, string reason);

        [LoggerMessage(2223, LogLevel.Warning, "The queue '{Queue}' can't be read: {Reason}", EventName = "BusAway")]
        public static partial void BusAway(ILogger logger, string queue, string reason);
    }
}
