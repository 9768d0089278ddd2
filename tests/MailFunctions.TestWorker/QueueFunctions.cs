using Azure.Messaging.ServiceBus;
using Microsoft.Extensions.Logging;

namespace MailFunctions.TestWorker;

/// <summary>Functions on one queue, of which a test enables one.</summary>
public sealed partial class QueueFunctions(ILogger<QueueFunctions> logger)
{
    private const string Queue = "%WORK_QUEUE%";
    private const string Connection = "ServiceBusConnection";
    private static int _running;

    [Function("Ok")]
    public void Ok([ServiceBusTrigger(Queue, Connection = Connection)] ServiceBusReceivedMessage message, FunctionContext context) =>
        Note(message, context);

    [Function("Fails")]
    public void Fails([ServiceBusTrigger(Queue, Connection = Connection)] ServiceBusReceivedMessage message, FunctionContext context)
    {
        Note(message, context);
        throw new InvalidOperationException("It failed.");
    }

    [Function("Slow")]
    public async Task SlowAsync(
        [ServiceBusTrigger(Queue, Connection = Connection)] ServiceBusReceivedMessage message, FunctionContext context)
    {
        Interlocked.Increment(ref _running);
        Note(message, context);
        await Task.Delay(300);
        Interlocked.Decrement(ref _running);
        WorkedSlowly(logger, message.MessageId);
    }

    /// <summary>Five seconds, or until it is cancelled.</summary>
    [Function("Long")]
    public async Task LongAsync(
        [ServiceBusTrigger(Queue, Connection = Connection)] ServiceBusReceivedMessage message, FunctionContext context)
    {
        Note(message, context);
        try
        {
            await Task.Delay(5000, context.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            Notes.Add(new { cancelled = message.MessageId });
            throw;
        }
    }

    [Function("Hangs")]
    public async Task HangsAsync(
        [ServiceBusTrigger(Queue, Connection = Connection)] ServiceBusReceivedMessage message, FunctionContext context)
    {
        Note(message, context);
        await Task.Delay(Timeout.InfiniteTimeSpan);
    }

    /// <summary>The first call ends the process.</summary>
    [Function("Dies")]
    public void Dies([ServiceBusTrigger(Queue, Connection = Connection)] ServiceBusReceivedMessage message, FunctionContext context)
    {
        Note(message, context);
        if (!File.Exists("died"))
        {
            File.WriteAllText("died", "");
            Environment.Exit(7);
        }
    }

    [LoggerMessage(7, LogLevel.Information, "slow {Id}", EventName = "WorkedSlowly")]
    private static partial void WorkedSlowly(ILogger logger, string id);

    private static void Note(ServiceBusReceivedMessage message, FunctionContext context) => Notes.Add(new
    {
        function = context.FunctionDefinition.Name,
        id = message.MessageId,
        body = message.Body.ToString(),
        delivery = message.DeliveryCount,
        sequence = message.SequenceNumber,
        lockToken = message.LockToken,
        lockedFor = (message.LockedUntil - DateTimeOffset.UtcNow).TotalSeconds,
        enqueued = message.EnqueuedTime,
        properties = message.ApplicationProperties.ToDictionary(p => p.Key, p => p.Value.ToString()),
        trace = context.TraceContext.TraceParent,
        metadata = context.BindingContext.BindingData.ToDictionary(d => d.Key, d => d.Value?.ToString()),
        running = Volatile.Read(ref _running),
    });
}
