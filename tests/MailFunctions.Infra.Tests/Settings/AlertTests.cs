using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Settings;

/// <summary>Alerts and charts ask the logs for event ids: each of them is an event of the code, by the name they say.</summary>
public sealed partial class AlertTests
{
    private static readonly Dictionary<string, string> Events = Directory
        .EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
        .SelectMany(f => Event().Matches(File.ReadAllText(f)))
        .DistinctBy(m => m.Groups["id"].Value)
        .ToDictionary(m => m.Groups["id"].Value, m => m.Groups["name"].Value);

    [Fact]
    public void EveryQuery_AsksForEventsOfTheCode_ByName()
    {
        var queries = Directory.GetFiles(Path.Combine(Repository.Root, "infra", "monitoring"), "*.kql");

        Assert.NotEmpty(queries);
        Assert.All(queries, file =>
        {
            var text = File.ReadAllText(file);
            var said = Said().Matches(text).Select(m => $"{m.Groups["name"].Value} {m.Groups["id"].Value}").Order().ToList();
            Assert.Equal(Asked().Matches(text).Select(m => $"{Events.GetValueOrDefault(m.Groups[1].Value, "?")} {m.Groups[1].Value}").Order(), said);
        });
    }

    [Fact]
    public void EveryChart_AsksForEventsOfTheCode() => Assert.All(
        Asked().Matches(File.ReadAllText(Path.Combine(Repository.Root, "infra", "monitoring", "workbook.json"))),
        m => Assert.Contains(m.Groups[1].Value, Events.Keys));

    [GeneratedRegex(@"LoggerMessage\((EventId = )?(?<id>\d+),[^\]]*?EventName = ""(?<name>\w+)""", RegexOptions.Singleline)]
    private static partial Regex Event();

    [GeneratedRegex(@"(?<name>[A-Z]\w+) \((?<id>\d{4})\)")]
    private static partial Regex Said();

    [GeneratedRegex(@"\[(\d{4})\]")]
    private static partial Regex Asked();
}
