using System.Text.Json;

namespace MailFunctions.Local.Host.App;

/// <summary>The app's JSON, read with a bound; names are compared as they are.</summary>
internal static class JsonFile
{
    private const int MaxOctets = 1024 * 1024;
    private static readonly JsonDocumentOptions Lenient = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        MaxDepth = 32,
    };

    /// <param name="where">What a fault calls it.</param>
    public static JsonDocument Read(string path, string where)
    {
        var file = new FileInfo(path);
        return !file.Exists ? throw new FunctionAppException($"{where} is missing.")
            : file.Length > MaxOctets ? throw new FunctionAppException($"{where} is larger than {MaxOctets} octets.")
            : Parse(File.ReadAllText(path), where);
    }

    public static JsonDocument Parse(string text, string where)
    {
        try
        {
            return JsonDocument.Parse(text, Lenient);
        }
        catch (JsonException e)
        {
            throw new FunctionAppException($"{where} is not JSON: line {e.LineNumber + 1}, octet {e.BytePositionInLine + 1}.");
        }
    }

    public static string Required(JsonElement element, string name, string where) =>
        Text(element, name) is { Length: > 0 } text ? text : throw new FunctionAppException($"{where}: \"{name}\" is missing.");

    public static string? Text(JsonElement element, string name) =>
        Member(element, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public static IReadOnlyList<string> Texts(JsonElement element, string name, string where) => Member(element, name) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(i => i.ValueKind == JsonValueKind.String) =>
            [.. list.EnumerateArray().Select(i => i.GetString()!)],
        _ => throw new FunctionAppException($"{where}: \"{name}\" is not a list of strings."),
    };

    /// <summary>The member at the end of a path, or null.</summary>
    public static JsonElement? Member(JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
            {
                return null;
            }
        }

        return element;
    }
}
