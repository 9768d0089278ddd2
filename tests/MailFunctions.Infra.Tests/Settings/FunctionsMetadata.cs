using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MailFunctions.TestKit;

namespace MailFunctions.Infra.Tests.Settings;

/// <summary>The functions of the app as its build describes them for the host, in `functions.metadata`.</summary>
internal static partial class FunctionsMetadata
{
    /// <summary>By name.</summary>
    public static IReadOnlyDictionary<string, JsonNode> All { get; } = Read(Repository.OutputOf("MailFunctions.Functions"));

    public static IEnumerable<(string Function, JsonNode Binding)> Bindings =>
        All.SelectMany(f => f.Value["bindings"]!.AsArray().Select(b => (f.Key, b!)));

    /// <summary>Settings named as `%NAME%`.</summary>
    public static IReadOnlyList<string> Settings { get; } =
        [.. All.Values.SelectMany(f => Reference().Matches(f.ToJsonString()).Select(m => m.Groups[1].Value)).Distinct()];

    /// <summary>Names of connections.</summary>
    public static IReadOnlyList<string> Connections { get; } =
        [.. Bindings.Select(b => (string?)b.Binding["connection"]).OfType<string>().Distinct()];

    public static Dictionary<string, JsonNode> Read(string folder) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "functions.metadata")))!.AsArray()
            .ToDictionary(f => (string)f!["name"]!, f => f!);

    [GeneratedRegex("%([^%\"]+)%")]
    private static partial Regex Reference();
}
