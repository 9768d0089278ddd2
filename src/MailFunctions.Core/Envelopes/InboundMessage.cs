using System.Text.Json;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Core.Envelopes;

/// <summary>The message on `mail-inbound` that announces a stored message (design §3.1).</summary>
public static class InboundMessage
{
    /// <summary>Its MessageId is the envelope's id, so that one sent twice arrives once; it continues the present trace.</summary>
    public static BusMessage For(InboundEnvelope envelope) =>
        new(envelope.Id, JsonSerializer.SerializeToUtf8Bytes(envelope, EnvelopeJson.Compact.InboundEnvelope))
        {
            ScheduledEnqueueTime = envelope.HoldUntil,
            TraceParent = MailSpans.TraceParent,
        };
}
