using System.Diagnostics;
using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Functions.Triggers;

/// <summary>
/// What the triggers on queues have in common: the span that continues the message's trace, and how a failure is reported.
/// </summary>
internal static class BusTrigger
{
    /// <summary>The property in which senders put their span (W3C `traceparent`), ours and Microsoft's SDK alike.</summary>
    private const string TraceProperty = "Diagnostic-Id";

    /// <param name="hostTrace">The span of the host's invocation, or nothing.</param>
    /// <exception cref="TriggerFailedException">The host abandons the message, and the bus delivers it again.</exception>
    public static async Task RunAsync(
        string function,
        string? hostTrace,
        ServiceBusReceivedMessage message,
        Func<ReadOnlyMemory<byte>, CancellationToken, Task<TriggerResult>> run,
        CancellationToken cancellationToken)
    {
        using var span = MailSpans.Continue(function, ActivityKind.Consumer, Parent(message, hostTrace));
        var result = await run(message.Body.ToMemory(), cancellationToken);
        span?.SetStatus(result is TriggerResult.Failed ? ActivityStatusCode.Error : ActivityStatusCode.Unset);
        result.ThrowIfFailed();
    }

    /// <summary>
    /// The host's span where it belongs to the sender's trace, else the sender's: a host that exports nothing, or begins a
    /// trace of its own, must not split the message's trace.
    /// </summary>
    private static string? Parent(ServiceBusReceivedMessage message, string? hostTrace)
    {
        var sent = message.ApplicationProperties.GetValueOrDefault(TraceProperty) as string;
        return ActivityContext.TryParse(sent, null, out var sender)
            && !(ActivityContext.TryParse(hostTrace, null, out var host) && host.TraceId == sender.TraceId)
            ? sent
            : hostTrace;
    }
}
