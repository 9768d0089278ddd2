using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>
/// No line of the sources is over 140 columns, but for the tables of tests: rows of `[InlineData]` and of a `TheoryData`, and
/// raw string literals, which are read as they are sent.
/// </summary>
public sealed partial class LineWidthTests
{
    private const int MaxColumns = 140;

    [Theory]
    [InlineData("src")]
    [InlineData("tests")]
    public void Lines_HaveAtMost140Columns(string folder)
    {
        var files = Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories);
        var isTests = folder == "tests";

        Assert.NotEmpty(files);
        Assert.Empty(files.SelectMany(f => TooLong(File.ReadAllText(f), isTests).Select(line => $"{Path.GetFileName(f)}:{line}")).ToList());
    }

    [Theory]
    [InlineData("        Call(LONG);", true)]
    [InlineData("    [InlineData(LONG)]", false)]
    [InlineData("    TheoryData<string> Rows => new()\n    {\n        { LONG },\n    };\n", false)]
    [InlineData("    TheoryData<string> Rows => new()\n    {\n        { 1 },\n    };\n    LONG", true)]
    [InlineData("    var script = \"\"\"\n        LONG\n        \"\"\";\n", false)]
    [InlineData("    var script = \"\"\"\n        short\n        \"\"\";\n    LONG", true)]
    public void Line_OutsideTheTables_IsFound(string text, bool isFound) =>
        Assert.Equal(isFound, TooLong(text.Replace("LONG", new string('x', MaxColumns), StringComparison.Ordinal), isTests: true).Any());

    /// <summary>The numbers of the lines.</summary>
    private static IEnumerable<int> TooLong(string text, bool isTests)
    {
        var (isText, isTable) = (false, false);
        foreach (var (index, line) in text.Split('\n').Index())
        {
            var (wasText, quotes) = (isText, RawQuotes().Count(line));
            isText ^= quotes % 2 == 1;
            isTable |= isTests && line.Contains("TheoryData<", StringComparison.Ordinal) && !line.EndsWith(';');
            var isRow = isTable || line.TrimStart().StartsWith("[InlineData(", StringComparison.Ordinal) || quotes > 0;
            if (line.Length > MaxColumns && !wasText && !isText && !(isTests && isRow))
            {
                yield return index + 1;
            }

            isTable &= !TableEnd().IsMatch(line);
        }
    }

    [GeneratedRegex("\"{3,}")]
    private static partial Regex RawQuotes();

    [GeneratedRegex(@"^\s*[}\])]+;$")]
    private static partial Regex TableEnd();
}
