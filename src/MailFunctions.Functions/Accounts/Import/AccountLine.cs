using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using MailFunctions.Core.Accounts;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts.Import;

/// <summary>One line of an import: an account as `PUT` takes it, with its address, and with a verifier instead of a password.</summary>
internal sealed record AccountLine : AccountRequest
{
    [JsonPropertyOrder(-1)]
    public string? Address { get; init; }

    /// <summary>
    /// `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` in base64: passwords of another server, or derived beforehand.
    /// </summary>
    public string? Verifier { get; init; }

    /// <summary>The names that a CSV header may have.</summary>
    public static IReadOnlyList<string> FieldNames { get; } = [.. ImportJson.Default.AccountLine.Properties.Select(p => p.Name)];

    /// <summary>Reads a JSON object; null and a fault when it is none.</summary>
    public static AccountLine? FromJson(ReadOnlyMemory<byte> line, Faults faults)
    {
        try
        {
            return JsonSerializer.Deserialize(line.Span, ImportJson.Default.AccountLine);
        }
        catch (JsonException e)
        {
            faults.Add(e.Path is { Length: > 2 } path ? path[2..] : "line", ApiRequests.Plain(e));
            return null;
        }
    }

    /// <summary>Reads fields under the header's names (RFC 4180); several addresses in one field are set apart by spaces.</summary>
    public static AccountLine? FromFields(IReadOnlyList<string> names, IReadOnlyList<string> fields, Faults faults)
    {
        if (fields.Count != names.Count)
        {
            faults.Add(
                "line", string.Create(CultureInfo.InvariantCulture, $"The header has {names.Count} fields, this line {fields.Count}."));
            return null;
        }

        var line = new JsonObject();
        foreach (var (name, text) in names.Zip(fields).Where(f => f.Second.Length > 0))
        {
            var type = ImportJson.Default.AccountLine.Properties.First(p => p.Name == name).PropertyType;
            if (ToJson(text, type) is { } value)
            {
                line.Add(name, value);
            }
            else
            {
                faults.Add(name, "The value is not of the right type.");
            }
        }

        return line.Deserialize(ImportJson.Default.AccountLine);
    }

    /// <summary>Null when the text is no value of that type.</summary>
    private static JsonNode? ToJson(string text, Type type) => type switch
    {
        _ when type == typeof(string) => JsonValue.Create(text),
        _ when type == typeof(bool?) => bool.TryParse(text, out var flag) ? JsonValue.Create(flag) : null,
        _ when type == typeof(int?) => int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? JsonValue.Create(number) : null,
        _ when type == typeof(long?) => long.TryParse(text, CultureInfo.InvariantCulture, out var number) ? JsonValue.Create(number) : null,
        _ when type == typeof(IReadOnlyList<string>) =>
            new JsonArray([.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(t => (JsonNode)t)]),
        _ => throw new NotSupportedException($"A CSV field can't be of type {type}."),
    };

    /// <summary>The fields of one CSV line; null when a quote is left open or stands in the middle.</summary>
    public static List<string>? SplitCsv(string line)
    {
        var fields = new List<string>();
        for (var at = 0; ; at++)
        {
            var field = new StringBuilder();
            if (at < line.Length && line[at] == '"')
            {
                for (at++; ; at++)
                {
                    var quote = line.IndexOf('"', at);
                    if (quote < 0)
                    {
                        return null;
                    }

                    field.Append(line, at, quote - at);
                    at = quote + 1;
                    if (at >= line.Length || line[at] != '"')
                    {
                        break;
                    }

                    field.Append('"');
                }
            }
            else
            {
                var end = line.IndexOf(',', at) is >= 0 and var comma ? comma : line.Length;
                field.Append(line, at, end - at);
                at = end;
            }

            fields.Add(field.ToString());
            if (at >= line.Length)
            {
                return fields;
            }

            if (line[at] != ',')
            {
                return null;
            }
        }
    }

    /// <summary>Bounds keep a hostile verifier from making each login cost minutes, or nothing.</summary>
    public static ScramVerifier? ReadVerifier(string text, Faults faults)
    {
        const string Form = "Use SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, with 600000 to 10000000 iterations.";
        var parts = text.Split('$', ':');
        if (parts is ["SCRAM-SHA-256", var count, var salt, var stored, var server]
            && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var iterations)
            && iterations is >= ScramVerifier.DefaultIterations and <= 10_000_000
            && Octets(salt, 8, 64) is { } s && Octets(stored, 32, 32) is { } k && Octets(server, 32, 32) is { } v)
        {
            return new ScramVerifier(s, iterations, k, v);
        }

        faults.Add("verifier", Form);
        return null;
    }

    private static byte[]? Octets(string base64, int least, int most)
    {
        var buffer = new byte[128];
        return Convert.TryFromBase64String(base64, buffer, out var count) && count >= least && count <= most ? buffer[..count] : null;
    }

    // A record would print its members: passwords never reach a log.
    public override string ToString() => nameof(AccountLine);
}

/// <summary>What became of one line.</summary>
/// <param name="Line">1 for the first one of the file, a CSV header included.</param>
/// <param name="Result">`created`, `exists` or `refused`.</param>
internal sealed record LineAnswer(long Line, string? Address, string Result, IReadOnlyDictionary<string, string[]>? Errors = null);

/// <summary>Lines in and out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowDuplicateProperties = false,
    MaxDepth = 4)]
[JsonSerializable(typeof(AccountLine))]
[JsonSerializable(typeof(LineAnswer))]
internal sealed partial class ImportJson : JsonSerializerContext;
