using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MailFunctions.TestKit;

namespace MailFunctions.Infra.Tests.Settings;

/// <summary>What the `function.json` files ask of the settings.</summary>
internal static partial class FunctionFolders
{
    private static readonly string Project = Path.Combine(Repository.Root, "src", "MailFunctions.Functions");

    /// <summary>The folders with a `function.json`, by name.</summary>
    public static IReadOnlyDictionary<string, JsonNode> All { get; } = Directory.EnumerateDirectories(Project)
        .Where(d => File.Exists(Path.Combine(d, "function.json")))
        .ToDictionary(d => Path.GetFileName(d), d => JsonNode.Parse(File.ReadAllText(Path.Combine(d, "function.json")))!);

    public static IEnumerable<(string Function, JsonNode Binding)> Bindings =>
        All.SelectMany(f => f.Value["bindings"]!.AsArray().Select(b => (f.Key, b!)));

    /// <summary>Settings named as `%NAME%`.</summary>
    public static IReadOnlyList<string> Settings { get; } =
        [.. All.Values.SelectMany(f => Reference().Matches(f.ToJsonString()).Select(m => m.Groups[1].Value)).Distinct()];

    /// <summary>Names of connections.</summary>
    public static IReadOnlyList<string> Connections { get; } =
        [.. Bindings.Select(b => (string?)b.Binding["connection"]).OfType<string>().Distinct()];

    [GeneratedRegex("%([^%\"]+)%")]
    private static partial Regex Reference();
}
