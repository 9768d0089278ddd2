using System.Text.Json.Serialization;
using MailFunctions.Core.Envelopes;

namespace MailFunctions.Core.Relay;

/// <summary>The body of `mail-outbound` and the lists in a row of `outbound`, as UTF-8 JSON (design §3.1).</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 16)]
[JsonSerializable(typeof(OutboundAlarm))]
[JsonSerializable(typeof(IReadOnlyList<OutboundRecipient>))]
[JsonSerializable(typeof(IReadOnlyList<RecipientResult>))]
public sealed partial class OutboundJson : JsonSerializerContext
{
    /// <inheritdoc cref="EnvelopeJson.Compact"/>
    public static OutboundJson Compact { get; } = new(EnvelopeJson.CompactOptions());
}
