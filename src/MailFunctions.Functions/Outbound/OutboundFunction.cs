using System.Text.Json;
using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Messages;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Triggers;
using Microsoft.Azure.Functions.Worker;

namespace MailFunctions.Functions.Outbound;

/// <summary>The trigger on `mail-outbound`: one alarm, at most one attempt of its job.</summary>
internal sealed partial class OutboundFunction(OutboundDelivery delivery, ILogger<OutboundFunction> logger)
{
    private const string Name = "Outbound";

    /// <summary>The form of alarm that this code reads.</summary>
    private const int Version = 1;

    [Function(Name)]
    public async Task RunAsync(
        [ServiceBusTrigger(QueueNames.Outbound, Connection = "ServiceBusConnection")] ServiceBusReceivedMessage message,
        FunctionContext context)
    {
        using var invocation = BusInvocation.Begin(Name, context.TraceContext.TraceParent, message);
        var result = Read(message.Body.ToMemory(), out var fault) is { } alarm
            ? await ProcessAsync(alarm, context.CancellationToken)
            : Malformed(fault);
        invocation.End(result);
    }

    private TriggerResult.Failed Malformed(string fault)
    {
        Log.Malformed(logger, fault);
        return new TriggerResult.Failed(fault);
    }

    private async Task<TriggerResult> ProcessAsync(OutboundAlarm alarm, CancellationToken cancellationToken)
    {
        try
        {
            var outcome = await delivery.ProcessAsync(alarm, cancellationToken);
            Log.Processed(logger, alarm.Job, alarm.Generation, outcome);
            return new TriggerResult.Succeeded();
        }
        catch (Exception e) when (e is StoreUnavailableException or BusUnavailableException)
        {
            // The bus delivers it again; when its deliveries are spent, Housekeeping sets a new alarm.
            Log.Unavailable(logger, alarm.Job, e.Message);
            return new TriggerResult.Failed(e.Message);
        }
    }

    private static OutboundAlarm? Read(ReadOnlyMemory<byte> body, out string fault)
    {
        OutboundAlarm? alarm;
        try
        {
            alarm = JsonSerializer.Deserialize(body.Span, OutboundJson.Default.OutboundAlarm);
        }
        catch (JsonException e)
        {
            fault = $"The alarm can't be read at {e.Path}.";
            return null;
        }

        fault = alarm switch
        {
            null => "The alarm is null.",
            { V: not Version } => $"The alarm has version {alarm.V}; this function app reads version {Version}.",
            { Job: null or "" } or { Domain: null or "" } => "The alarm names no job.",
            _ => "",
        };
        return fault.Length == 0 ? alarm : null;
    }

    private static partial class Log
    {
        [LoggerMessage(2300, LogLevel.Information, "Job {Job}, alarm {Generation}: {Outcome}", EventName = "JobProcessed")]
        public static partial void Processed(ILogger logger, string job, int generation, AttemptOutcome outcome);

        [LoggerMessage(2301, LogLevel.Error, "A message on mail-outbound is malformed and will be dead-lettered: {Fault}",
            EventName = "AlarmMalformed")]
        public static partial void Malformed(ILogger logger, string fault);

        [LoggerMessage(2302, LogLevel.Warning, "Job {Job} will be processed again: {Reason}", EventName = "JobUnavailable")]
        public static partial void Unavailable(ILogger logger, string job, string reason);
    }
}
