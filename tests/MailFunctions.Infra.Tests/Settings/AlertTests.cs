using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Settings;

/// <summary>
/// Alerts and charts ask the logs for events of the code: those of the edge by the id in its lines, those of the functions
/// by the name that the Functions host keeps of each.
/// </summary>
public sealed partial class AlertTests
{
    private static readonly List<Match> Written = [.. Directory
        .EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
        .SelectMany(f => Event().Matches(Joint().Replace(File.ReadAllText(f), "")))];

    private static readonly Dictionary<string, string> Events = Written.GroupBy(m => m.Groups["id"].Value)
        .ToDictionary(g => g.Key, g => g.First().Groups["name"].Value);
    private static readonly string Monitoring = Path.Combine(Repository.Root, "infra", "monitoring");

    [Fact]
    public void EveryEvent_HasAnIdOfItsOwn() =>
        Assert.Empty(Written.GroupBy(m => m.Groups["id"].Value)
            .Where(g => g.Count() > 1).Select(g => string.Join(" and ", g.Select(m => m.Groups["name"].Value))));

    [Fact]
    public void EveryQuery_AsksForEventsOfTheCode_ByName()
    {
        var queries = Directory.GetFiles(Monitoring, "*.kql");

        Assert.NotEmpty(queries);
        Assert.All(queries, file =>
        {
            var text = File.ReadAllText(file);
            var said = Said().Matches(text).Select(m => $"{m.Groups["name"].Value} {m.Groups["id"].Value}").Order().ToList();
            var asked = Asked().Matches(text)
                .Select(m => m.Groups[1].Value).Concat(AskedByName().Matches(text).Select(m => IdOf(m.Groups[1].Value))).ToList();
            Assert.NotEmpty(asked);
            Assert.Equal(asked.Select(id => $"{Events.GetValueOrDefault(id, "?")} {id}").Order(), said);
        });
    }

    [Fact]
    public void EveryChart_AsksForEventsOfTheCode()
    {
        var text = File.ReadAllText(Path.Combine(Monitoring, "workbook.json"));

        Assert.All(Asked().Matches(text), m => Assert.Contains(m.Groups[1].Value, Events.Keys));
        Assert.Equal(5, AskedByName().Count(text));
        Assert.All(AskedByName().Matches(text), m => Assert.Contains(m.Groups[1].Value, Events.Values));
    }

    private static string IdOf(string name) => Events.FirstOrDefault(e => e.Value == name).Key ?? "?";

    [Fact]
    public void EveryQueryThatCountsMessages_FindsTheIdInItsEvents()
    {
        // A line may reach both tables: what is counted is the message, which all of these begin with.
        foreach (var name in new[] { "MessageDelivered", "MessageUndelivered", "DeliveryUnavailable", "MessageDeferred" })
        {
            var line = Hole().Replace(Written.Single(m => m.Groups["name"].Value == name).Groups["text"].Value, "m-1");
            Assert.Equal("m-1", Regex.Match(line, @"Message (\S+) ").Groups[1].Value);
        }

        Assert.All(["deferred.kql", "workbook.json"], file =>
            Assert.Matches(@"extract\(@[""']Message \(\\{1,2}S\+\) [""'], 1, Line\)", File.ReadAllText(Path.Combine(Monitoring, file))));
    }

    [Theory]
    [InlineData("relay-deferred.kql", "m-1", "one.test", "16")]
    [InlineData("workbook.json", "m-1", "one.test", "16", "451 4.7.1")]
    public void EveryQueryThatTakesALineApart_FindsWhatItsEventWrites(string file, params string[] values)
    {
        var template = Written.Single(m => m.Groups["name"].Value == "MessageDeferred").Groups["text"].Value;
        var held = new Queue<string>(["m-1", "one.test", "16", "2", "451", "4.7.1", "2026-11-25 06:00:00Z"]);
        var line = Hole().Replace(template, _ => held.Dequeue());

        var query = Parsed().Match(File.ReadAllText(Path.Combine(Monitoring, file)));

        // `parse`: constants in quotes, names of columns between them, `*` for what is not wanted.
        var pattern = string.Concat(Part().Matches(query.Groups["parts"].Value).Select(p => p.Value switch
        {
            "*" => ".*?",
            ['"' or '\'', ..] constant => Regex.Escape(constant[1..^1]),
            _ => "(.*?)",
        }));
        var found = Regex.Match(line, $"^{pattern}$");
        Assert.True(found.Success, $"{pattern} does not match: {line}");
        Assert.Equal(values, found.Groups.Values.Skip(1).Select(g => g.Value));
    }

    [GeneratedRegex(
        @"LoggerMessage\(\s*(EventId = )?(?<id>\d+),\s+LogLevel\.\w+,\s+""(?<text>[^""]*)"",[^\]]*?EventName = ""(?<name>\w+)""",
        RegexOptions.Singleline)]
    private static partial Regex Event();

    /// <summary>Between two parts of one text.</summary>
    [GeneratedRegex(@"""\s*\+\s+""")]
    private static partial Regex Joint();

    [GeneratedRegex(@"(?<name>[A-Z]\w+) \((?<id>\d{4})\)")]
    private static partial Regex Said();

    [GeneratedRegex(@"\[(\d{4})\]")]
    private static partial Regex Asked();

    [GeneratedRegex(@"Event == [""'](\w+)[""']")]
    private static partial Regex AskedByName();

    [GeneratedRegex(@"\{[^{}]+\}")]
    private static partial Regex Hole();

    [GeneratedRegex(@"\| parse Line with (?<parts>.*?)(\n|\\n)")]
    private static partial Regex Parsed();

    [GeneratedRegex(@"""[^""]*""|'[^']*'|\*|\w+(:\w+)?")]
    private static partial Regex Part();
}
