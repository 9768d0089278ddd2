using System.Text.Json.Serialization;

namespace MailFunctions.Core.Envelopes;

/// <summary>The bus bodies as UTF-8 JSON (design §3.1).</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 16)]
[JsonSerializable(typeof(InboundEnvelope))]
public sealed partial class EnvelopeJson : JsonSerializerContext;
