using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Protocols.Tests;

/// <summary>docs/protocols.md tells the truth about where sections are followed and tried.</summary>
public sealed partial class ProtocolDocumentTests
{
    private static readonly string Dialogs = Path.Combine(Repository.Root, "tests", "MailFunctions.Protocols.Tests", "Dialogs");

    /// <summary>Section, sources, tests, of each row.</summary>
    public static TheoryData<string, string, string> Rows()
    {
        var rows = new TheoryData<string, string, string>();
        foreach (var line in File.ReadLines(Path.Combine(Repository.Root, "docs", "protocols.md")))
        {
            if (line.StartsWith("| RFC ", StringComparison.Ordinal) && line.Split('|') is [_, var section, _, var sources, var tests, _])
            {
                rows.Add(section.Trim(), sources, tests);
            }
        }

        return rows;
    }

    [Fact]
    public void Rows_OfTheDocument_AreFound() => Assert.True(Rows().Count > 50, "the tables of docs/protocols.md have another form");

    [Theory]
    [MemberData(nameof(Rows))]
    public void Section_InTheDocument_StandsInItsSourceAndHasTests(string section, string sources, string tests)
    {
        foreach (var source in Names(sources))
        {
            var text = File.ReadAllText(Path.Combine(Repository.Root, "src", "MailFunctions." + source));
            Assert.True(Regex.IsMatch(text, Regex.Escape(section) + @"(?![0-9]|\.[0-9])"), $"{source} does not name {section}");
        }

        Assert.NotEmpty(Names(sources));
        Assert.NotEmpty(Names(tests));
        Assert.All(Names(tests), test => Assert.True(
            test.Contains('/', StringComparison.Ordinal)
                ? File.Exists(Path.Combine(Dialogs, test))
                : Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), test + ".cs", SearchOption.AllDirectories).Any(),
            $"there is no test {test}"));
    }

    private static List<string> Names(string cell) => [.. Name().Matches(cell).Select(m => m.Groups[1].Value)];

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Name();
}
