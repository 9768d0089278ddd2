using System.Diagnostics;
using Azure.Messaging.ServiceBus;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Functions.Triggers;

/// <summary>One invocation of a trigger on a queue: its span, which continues the message's trace, and its end.</summary>
internal sealed class BusInvocation : IDisposable
{
    /// <summary>The property in which senders put their span (W3C `traceparent`), ours and Microsoft's SDK alike.</summary>
    private const string TraceProperty = "Diagnostic-Id";

    private readonly Activity? _span;

    private BusInvocation(Activity? span) => _span = span;

    /// <param name="hostTrace">The span of the host's invocation, or nothing.</param>
    public static BusInvocation Begin(string function, string? hostTrace, ServiceBusReceivedMessage message) =>
        new(MailSpans.Continue(function, ActivityKind.Consumer, Parent(message, hostTrace)));

    /// <exception cref="TriggerFailedException">It failed: the bus delivers the message again.</exception>
    public void End(TriggerResult result)
    {
        _span?.SetStatus(result is TriggerResult.Failed ? ActivityStatusCode.Error : ActivityStatusCode.Unset);
        result.ThrowIfFailed();
    }

    public void Dispose() => _span?.Dispose();

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
