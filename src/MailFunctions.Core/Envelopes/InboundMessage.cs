using System.Text.Json;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Telemetry;

namespace MailFunctions.Core.Envelopes;

/// <summary>An envelope as a message of `mail-inbound` (design §3.1).</summary>
public static class InboundMessage
{
    /// <summary>Under the envelope's id, so that sending it twice is safe; held until <see cref="InboundEnvelope.HoldUntil"/>.</summary>
    public static BusMessage For(InboundEnvelope envelope) =>
        new(envelope.Id, JsonSerializer.SerializeToUtf8Bytes(envelope, EnvelopeJson.Compact.InboundEnvelope))
        {
            ScheduledEnqueueTime = envelope.HoldUntil,
            TraceParent = MailSpans.TraceParent,
        };
}
