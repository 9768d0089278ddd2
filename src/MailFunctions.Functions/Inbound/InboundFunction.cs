using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Telemetry;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Triggers;
using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Inbound;

/// <summary>The trigger on `mail-inbound`: one envelope, one delivery.</summary>
internal sealed partial class InboundFunction(InboundDelivery delivery, ITraceWriter traces, TimeProvider time, ILogger<InboundFunction> logger)
{
    private const string Name = "Inbound";

    /// <summary>
    /// While storage is unavailable, the message's ten deliveries would be spent within seconds, since the host abandons and
    /// receives again at once: so an invocation retries for most of the function timeout first.
    /// </summary>
    private static readonly TimeSpan KeepTrying = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(20);

    [Function(Name)]
    public Task RunAsync(
        [ServiceBusTrigger(QueueNames.Inbound, Connection = "ServiceBusConnection")] ServiceBusReceivedMessage message,
        FunctionContext context) =>
        BusTrigger.RunAsync(Name, context.TraceContext.TraceParent, message, HandleAsync, context.CancellationToken);

    internal async Task<TriggerResult> HandleAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        if (EnvelopeReader.Read(body, out var fault) is not { } envelope)
        {
            Log.Malformed(logger, fault);
            return new TriggerResult.Failed(fault);
        }

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
                    await NoteFailureAsync(envelope, e.Message, cancellationToken);
                    return new TriggerResult.Failed(e.Message);
                }
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // What no code foresaw: the postmaster finds it beside the dead letter that may come of it.
                var reason = $"{e.GetType().Name}: {e.Message}";
                Log.Failed(logger, envelope.Id, e);
                await NoteFailureAsync(envelope, reason, cancellationToken);
                return new TriggerResult.Failed(reason);
            }

            await Task.Delay(pause, time, cancellationToken);
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

    /// <summary>Leaves the reason of a failed attempt where the postmaster looks, if anything can be written at all.</summary>
    private async Task NoteFailureAsync(InboundEnvelope envelope, string reason, CancellationToken cancellationToken)
    {
        try
        {
            await traces.WriteAsync(
                [new TraceEvent { MessageId = envelope.Id, At = time.GetUtcNow(), Kind = TraceKind.Failed, Detail = reason }], cancellationToken);
        }
        catch (StoreUnavailableException)
        {
            // The log has it.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(3000, LogLevel.Information,
            "Message {Id} is in {Mailboxes} mailboxes and on its way to {Remote} recipients elsewhere", EventName = "MessageDelivered")]
        public static partial void Delivered(ILogger logger, string id, int mailboxes, int remote);

        [LoggerMessage(3001, LogLevel.Warning,
            "Message {Id} has {Count} recipients that it can't be delivered to, first: {First}", EventName = "MessageUndelivered")]
        public static partial void Undelivered(ILogger logger, string id, int count, string first);

        [LoggerMessage(3004, LogLevel.Information,
            "Message {Id} could not be delivered to {Count} recipients; a report goes to its sender as NOTIFY asks", EventName = "MessageReported")]
        public static partial void Reported(ILogger logger, string id, int count);

        [LoggerMessage(3002, LogLevel.Error,
            "A message on mail-inbound is malformed and will be dead-lettered: {Fault}", EventName = "EnvelopeMalformed")]
        public static partial void Malformed(ILogger logger, string fault);

        [LoggerMessage(3005, LogLevel.Error, "The delivery of message {Id} failed", EventName = "DeliveryFailed")]
        public static partial void Failed(ILogger logger, string id, Exception exception);

        [LoggerMessage(3003, LogLevel.Warning, "Message {Id} will be tried again: {Reason}", EventName = "DeliveryUnavailable")]
        public static partial void Unavailable(ILogger logger, string id, string reason);
    }
}
