using System.Text.Json.Serialization;
using MailFunctions.Core.Relay;

namespace MailFunctions.Core.Envelopes;

/// <summary>The bus bodies as UTF-8 JSON (design §3.1).</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 16)]
[JsonSerializable(typeof(InboundEnvelope))]
[JsonSerializable(typeof(ReversePath))]
[JsonSerializable(typeof(OutboundAlarm))]
[JsonSerializable(typeof(IReadOnlyList<OutboundRecipient>))]
[JsonSerializable(typeof(IReadOnlyList<RecipientResult>))]
public sealed partial class EnvelopeJson : JsonSerializerContext;
