using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Settings;

/// <summary>`docs/configuration.md` lists what the code reads: every key, with its default, and nothing else.</summary>
public sealed partial class ConfigurationDocumentTests
{
    // Read by libraries and by the Functions host; their documents say what they do.
    private static readonly string[] OfOthers = ["APPLICATIONINSIGHTS_", "AZURE_CLIENT_ID", "AzureWebJobsStorage", "OTEL_", "FUNCTIONS_"];

    public static TheoryData<string> Programs => ["edge", "functions"];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Code_ReadsConfiguration_ByKeysThatCanBeMadeOut(string program) => Assert.Empty(SettingsOf(program).Unclear);

    [Theory]
    [MemberData(nameof(Programs))]
    public void Document_Keys_AreThoseOfTheCode(string program)
    {
        var documented = Document.Read(program).Keys.Where(k => !OfOthers.Any(o => k.StartsWith(o, StringComparison.Ordinal)));
        var read = SettingsOf(program).Keys.Keys.Concat(program == "functions" ? FunctionsMetadata.Settings : [])
            .Where(k => !OfOthers.Any(o => k.StartsWith(o, StringComparison.Ordinal)));

        Assert.Equal(read.Distinct().Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Document_Defaults_AreThoseOfTheCode(string program)
    {
        var documented = Document.Read(program);

        Assert.All(SettingsOf(program).Keys.Where(k => k.Value is not null), key =>
        {
            Assert.True(
                documented.TryGetValue(key.Key, out var value),
                $"{key.Key} is not in docs/configuration.md; its default is '{key.Value}'.");
            Assert.Equal($"{key.Key}={key.Value}", $"{key.Key}={value}");
        });
    }

    [Fact]
    public void Document_Deployment_NamesTheVariableOfEveryParameter()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md"));
        var given =
            JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "infra", "main.parameters.json")))!["parameters"]!.AsObject()
            .Where(p => p.Key is not ("environmentName" or "location" or "edgeExists"));

        Assert.All(given, p => Assert.Contains(
            $"| `{p.Key}` | `{Placeholder().Match((string)p.Value!["value"]!).Value}` |", document, StringComparison.Ordinal));
    }

    [GeneratedRegex("[A-Z_]+")]
    private static partial Regex Placeholder();

    internal static ReadSettings SettingsOf(string program) => program == "edge" ? ReadSettings.OfEdge : ReadSettings.OfFunctions;

    /// <summary>The tables under the headings "The edge" and "The functions", with what both read.</summary>
    internal static partial class Document
    {
        public const string Required = "required";

        public static Dictionary<string, string> Read(string program)
        {
            var keys = new Dictionary<string, string>();
            var section = "";
            foreach (var line in File.ReadLines(Path.Combine(Repository.Root, "docs", "configuration.md")))
            {
                if (line.StartsWith("## ", StringComparison.Ordinal))
                {
                    section = line[3..];
                }
                else if (Row().Match(line) is { Success: true } row && (section == "Both" || section == $"The {program}"))
                {
                    keys.Add(row.Groups["key"].Value, row.Groups["value"].Value.Trim().Trim('`'));
                }
            }

            return keys;
        }

        [GeneratedRegex(@"^\| `(?<key>[^`]+)` \|(?<value>[^|]*)\|")]
        private static partial Regex Row();
    }
}
