using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MailFunctions.Core.Envelopes;

/// <summary>The envelope as UTF-8 JSON (design §3.1).</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 16)]
[JsonSerializable(typeof(InboundEnvelope))]
[JsonSerializable(typeof(ReversePath))]
public sealed partial class EnvelopeJson : JsonSerializerContext
{
    /// <summary>
    /// For writing: letters of other scripts and signs such as `&lt;` stand for themselves, where <see cref="Default"/> takes six
    /// characters for each. No HTML is made of it.
    /// </summary>
    public static EnvelopeJson Compact { get; } = new(CompactOptions());

    /// <summary>Options of <see cref="Compact"/>, made anew for each context: a context binds those it is given.</summary>
    internal static JsonSerializerOptions CompactOptions() => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        MaxDepth = 16,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Characters of a text as <see cref="Compact"/> writes it, without its quotes.</summary>
    public static int LengthOf(string? text) => text is null ? 0 : JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text).Length;
}
