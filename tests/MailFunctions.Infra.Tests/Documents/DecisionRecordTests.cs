using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>Decision records: numbered once, and one that a later record overtook says so in its first line.</summary>
public sealed partial class DecisionRecordTests
{
    private static readonly Dictionary<string, string> Records = Directory
        .GetFiles(Path.Combine(Repository.Root, "docs", "decisions"), "0*.md")
        .ToDictionary(r => Path.GetFileName(r), File.ReadAllText);

    [Fact]
    public void Records_AreNumberedOnce_AndBeginWithTheirNumber()
    {
        Assert.Equal(Records.Count, Records.Keys.Select(Number).Distinct().Count());
        Assert.All(Records, r => Assert.StartsWith($"# {Number(r.Key)}: ", r.Value, StringComparison.Ordinal));
    }

    [Fact]
    public void SupersededRecords_NameTheirSuccessorsInTheFirstLine_WhichNameThem()
    {
        var superseded = Records.Where(r => FirstLine(r.Value).StartsWith("Superseded ", StringComparison.Ordinal)).ToList();

        Assert.True(superseded.Count >= 8, $"{superseded.Count} superseded records");
        Assert.All(superseded, record =>
        {
            var successors = Link().Matches(FirstLine(record.Value)).Select(m => m.Groups[1].Value).ToList();
            Assert.NotEmpty(successors);
            Assert.All(successors, successor =>
            {
                Assert.True(Records.TryGetValue(successor, out var text), $"{record.Key} names {successor}, which is not there.");
                Assert.True(string.CompareOrdinal(record.Key, successor) < 0, $"{record.Key} is later than {successor}.");
                Assert.Contains(Number(record.Key), text, StringComparison.Ordinal);
            });
        });
    }

    [Fact]
    public void RecordsThatSupersede_AreNamedByWhatTheySupersede() => Assert.All(Records, record => Assert.All(
        Supersedes().Matches(record.Value).SelectMany(m => RecordNumber().Matches(m.Value)).Select(m => m.Value),
        number =>
        {
            var earlier = Records.Single(r => Number(r.Key) == number);
            Assert.Contains($"]({record.Key})", FirstLine(earlier.Value), StringComparison.Ordinal);
        }));

    private static string Number(string file) => file[..4];

    /// <summary>The first line behind the title.</summary>
    private static string FirstLine(string record) => record.Split('\n', StringSplitOptions.RemoveEmptyEntries)[1];

    [GeneratedRegex(@"\[\d{4}\]\(([^)]+)\)")]
    private static partial Regex Link();

    /// <summary>The sentence that says so; "Superseded" is the other side's word.</summary>
    [GeneratedRegex(@"\b[Ss]upersedes\b[^.,]*")]
    private static partial Regex Supersedes();

    [GeneratedRegex(@"(?<![\d-])\b00\d\d\b(?![\d-])")]
    private static partial Regex RecordNumber();
}
