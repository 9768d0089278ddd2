using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using MailFunctions.Core.Accounts;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.Accounts.Import;

/// <summary>One line of an import: an account as `PUT` takes it, with its address, and with a verifier instead of a password.</summary>
internal sealed record AccountLine
{
    public string? Address { get; init; }

    public string? Password { get; init; }

    /// <summary>`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` in base64: passwords of another server, or derived beforehand.</summary>
    public string? Verifier { get; init; }

    public string? DisplayName { get; init; }

    public long? QuotaBytes { get; init; }

    public bool? Enabled { get; init; }

    public IReadOnlyList<string>? ForwardTo { get; init; }

    public bool? KeepCopy { get; init; }

    public AccountRequest ToRequest() => new()
    {
        Password = Password,
        DisplayName = DisplayName,
        QuotaBytes = QuotaBytes,
        Enabled = Enabled,
        ForwardTo = ForwardTo,
        KeepCopy = KeepCopy,
    };

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

    /// <summary>Reads fields under the header's names (RFC 4180); several addresses in `forwardTo` are set apart by spaces.</summary>
    public static AccountLine? FromFields(IReadOnlyList<string> names, IReadOnlyList<string> fields, Faults faults)
    {
        if (fields.Count != names.Count)
        {
            faults.Add("line", string.Create(CultureInfo.InvariantCulture, $"The header has {names.Count} fields, this line {fields.Count}."));
            return null;
        }

        var byName = names.Zip(fields).Where(f => f.Second.Length > 0).ToDictionary(f => f.First, f => f.Second);
        return new AccountLine
        {
            Address = byName.GetValueOrDefault("address"),
            Password = byName.GetValueOrDefault("password"),
            Verifier = byName.GetValueOrDefault("verifier"),
            DisplayName = byName.GetValueOrDefault("displayName"),
            QuotaBytes = Read<long>(byName, "quotaBytes", faults),
            Enabled = ReadBoolean(byName, "enabled", faults),
            ForwardTo = byName.GetValueOrDefault("forwardTo")?.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            KeepCopy = ReadBoolean(byName, "keepCopy", faults),
        };
    }

    /// <summary>The names that a CSV header may have.</summary>
    public static readonly IReadOnlyList<string> FieldNames =
        ["address", "password", "verifier", "displayName", "quotaBytes", "enabled", "forwardTo", "keepCopy"];

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
                var end = line.IndexOf(',', at) is var comma && comma < 0 ? line.Length : comma;
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

    private static T? Read<T>(Dictionary<string, string> fields, string name, Faults faults)
        where T : struct, IParsable<T>
    {
        if (!fields.TryGetValue(name, out var text))
        {
            return null;
        }

        if (T.TryParse(text, CultureInfo.InvariantCulture, out var value))
        {
            return value;
        }

        faults.Add(name, "The value is not of the right type.");
        return null;
    }

    private static bool? ReadBoolean(Dictionary<string, string> fields, string name, Faults faults) => Read<bool>(fields, name, faults);

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
