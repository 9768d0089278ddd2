using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Telemetry;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Triggers;
using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Inbound;

/// <summary>The trigger on `mail-inbound`: one envelope, one delivery.</summary>
internal sealed partial class InboundFunction(
    InboundDelivery delivery, ITraceWriter traces, TimeProvider time, ILogger<InboundFunction> logger)
{
    private const string Name = "Inbound";

    /// <summary>
    /// With storage unavailable the message's ten deliveries would be spent within seconds, since the host abandons and
    /// receives again at once: so an invocation retries for most of the function timeout first.
    /// </summary>
    private static readonly TimeSpan KeepTrying = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(20);

    [Function(Name)]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Inbound, Connection = "ServiceBusConnection")] ServiceBusReceivedMessage message,
        FunctionContext context)
    {
        using var invocation = BusInvocation.Begin(Name, context.TraceContext.TraceParent, message);
        var result = EnvelopeReader.Read(message.Body.ToMemory(), out var fault) is { } envelope
            ? await DeliverAsync(envelope, context.CancellationToken)
            : Malformed(fault);
        invocation.End(result);
    }

    private TriggerResult.Failed Malformed(string fault)
    {
        Log.Malformed(logger, fault);
        return new TriggerResult.Failed(fault);
    }

    private async Task<TriggerResult> DeliverAsync(InboundEnvelope envelope, CancellationToken cancellationToken)
    {
        MailSpans.Tag(MailSpans.MessageTag, envelope.Id);
        var started = time.GetTimestamp();
        for (var pause = TimeSpan.FromSeconds(0.5); ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return Report(envelope, await delivery.DeliverAsync(envelope, cancellationToken));
            }
            catch (Exception e) when (e is StoreUnavailableException or BusUnavailableException)
            {
                Log.Unavailable(logger, envelope.Id, e.Message);
                if (time.GetElapsedTime(started) + pause > KeepTrying)
                {
                    await TraceFailureAsync(envelope, e.Message, cancellationToken);
                    return new TriggerResult.Failed(e.Message);
                }
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // An unforeseen fault: the postmaster finds its trace beside the dead letter that may come of it.
                var reason = $"{e.GetType().Name}: {e.Message}";
                Log.Failed(logger, envelope.Id, e);
                await TraceFailureAsync(envelope, reason, cancellationToken);
                return new TriggerResult.Failed(reason);
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    /// <summary>Where the postmaster looks, if storage can be written at all.</summary>
    private async Task TraceFailureAsync(InboundEnvelope envelope, string reason, CancellationToken cancellationToken)
    {
        try
        {
            await traces.WriteAsync([DeliveryTraces.Failed(envelope, reason, time.GetUtcNow())], cancellationToken);
        }
        catch (StoreUnavailableException)
        {
            // The log has it.
        }
    }

    private TriggerResult Report(InboundEnvelope envelope, DeliveryOutcome outcome)
    {
        if (outcome.Reported > 0)
        {
            Log.Reported(logger, envelope.Id, outcome.Reported);
        }

        if (outcome.Faults.Count == 0)
        {
            Log.Delivered(logger, envelope.Id, outcome.Delivered, outcome.Relayed);
            return new TriggerResult.Succeeded();
        }

        Log.Undelivered(logger, envelope.Id, outcome.Faults.Count, outcome.Faults[0]);
        return new TriggerResult.Failed(string.Join("; ", outcome.Faults.Take(10)));
    }

    private static partial class Log
    {
        [LoggerMessage(3000, LogLevel.Information,
            "Message {Id} is in {Mailboxes} mailboxes and on its way to {Remote} recipients elsewhere",
            EventName = "MessageDelivered")]
        public static partial void Delivered(ILogger logger, string id, int mailboxes, int remote);

        [LoggerMessage(3001, LogLevel.Warning, "Message {Id} has {Count} recipients that it can't be delivered to, first: {First}",
            EventName = "MessageUndelivered")]
        public static partial void Undelivered(ILogger logger, string id, int count, string first);

        [LoggerMessage(3004, LogLevel.Information,
            "Message {Id} could not be delivered to {Count} recipients; a report goes to the sender as NOTIFY asks",
            EventName = "MessageReported")]
        public static partial void Reported(ILogger logger, string id, int count);

        [LoggerMessage(3002, LogLevel.Error, "A message on mail-inbound is malformed and will be dead-lettered: {Fault}",
            EventName = "EnvelopeMalformed")]
        public static partial void Malformed(ILogger logger, string fault);

        [LoggerMessage(3005, LogLevel.Error, "The delivery of message {Id} failed", EventName = "DeliveryFailed")]
        public static partial void Failed(ILogger logger, string id, Exception exception);

        [LoggerMessage(3003, LogLevel.Warning, "Message {Id} will be tried again: {Reason}", EventName = "DeliveryUnavailable")]
        public static partial void Unavailable(ILogger logger, string id, string reason);
    }
}
