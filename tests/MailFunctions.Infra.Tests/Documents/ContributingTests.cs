using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>The table "to add a …, touch …" of CONTRIBUTING.md: its rows, and files that are there.</summary>
public sealed partial class ContributingTests
{
    private static readonly string[] Roots = ["", "src/MailFunctions.", "tests/MailFunctions."];

    private static readonly List<string[]> Rows = [.. File.ReadLines(Path.Combine(Repository.Root, "CONTRIBUTING.md"))
        .Where(l => l.StartsWith("| ", StringComparison.Ordinal) && !l.StartsWith("| to add ", StringComparison.Ordinal))
        .Select(l => l.Trim('|', ' ').Split(" | "))];

    [Fact]
    public void Rows_AreThese() => Assert.Equal(
        ["SMTP extension", "POP3 capability", "envelope field", "admin endpoint", "table", "setting", "function"], Rows.Select(r => r[0]));

    [Fact]
    public void NamedFiles_Exist()
    {
        var files = Rows.SelectMany(r => r[1..])
            .SelectMany(cell => File_().Matches(cell).Select(m => m.Groups[1].Value)).Distinct().ToList();

        Assert.True(files.Count > 20, $"{files.Count} files");
        Assert.DoesNotContain(files, f => !Roots.Any(root => Path.Exists(Path.Combine(Repository.Root, root + f))));
    }

    [GeneratedRegex(@"`([\w.-]+(?:/[\w.-]+)*\.(?:cs|md|txt|bicep|yaml|json|props))`")]
    private static partial Regex File_();
}
