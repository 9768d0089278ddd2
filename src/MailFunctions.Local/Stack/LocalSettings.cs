using System.Text.Json;

namespace MailFunctions.Local.Stack;

/// <summary>`local.settings.json`, of which the stack takes the relay's settings: where mail for others goes.</summary>
internal static class LocalSettings
{
    private const string FileName = "local.settings.json";
    private const string Section = "Relay__";
    private const string SmarthostKey = Section + "Smarthost";

    /// <summary>What the sample says: the sink of a stack on its usual ports, and no host of the user's.</summary>
    private const string SampleSmarthost = "127.0.0.1:2526";

    /// <summary>Empty without the file, and where it names no smarthost. The key for SRS is the stack's own.</summary>
    /// <exception cref="StackException">The file is no such file.</exception>
    public static IReadOnlyDictionary<string, string> ReadRelay(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return new Dictionary<string, string>();
        }

        try
        {
            using var json =
                JsonDocument.Parse(
                    File.ReadAllBytes(path),
                    new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            var relay = json.RootElement.TryGetProperty("Values", out var values)
                ? values.EnumerateObject()
                    .Where(v => v.Name.StartsWith(Section, StringComparison.Ordinal) && v.Name != Section + "SrsKey"
                        && v.Value.GetString() is { Length: > 0 })
                    .ToDictionary(v => v.Name, v => v.Value.GetString()!)
                : [];
            return relay.GetValueOrDefault(SmarthostKey) is null or SampleSmarthost ? new Dictionary<string, string>() : relay;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new StackException($"{FileName} can't be read: it has to be JSON with texts under \"Values\".");
        }
    }
}
