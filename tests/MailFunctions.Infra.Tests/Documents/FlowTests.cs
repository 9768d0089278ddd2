using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>`docs/flow.md` walks through files that are there; `docs/README.md` lists every page; the glossary is short.</summary>
public sealed partial class FlowTests
{
    private static readonly string Docs = Path.Combine(Repository.Root, "docs");

    [Fact]
    public void EachNamedFile_Exists()
    {
        var files = SourceFile()
            .Matches(File.ReadAllText(Path.Combine(Docs, "flow.md"))).Select(m => m.Groups[1].Value).Distinct().ToList();

        Assert.True(files.Count > 60, $"{files.Count} files");
        Assert.DoesNotContain(files, f => !File.Exists(Path.Combine(Repository.Root, "src", "MailFunctions." + f)));
    }

    [Fact]
    public void Index_ListsEveryPage()
    {
        var index = File.ReadAllText(Path.Combine(Docs, "README.md"));

        Assert.All(
            Directory.GetFiles(Docs, "*.md").Select(f => Path.GetFileName(f)).Where(f => f != "README.md"),
            page => Assert.Contains($"]({page})", index, StringComparison.Ordinal));
    }

    [Fact]
    public void Glossary_IsInOrder()
    {
        var words = Word().Matches(File.ReadAllText(Path.Combine(Docs, "glossary.md"))).Select(m => m.Groups[1].Value).ToList();

        Assert.Equal(20, words.Count);
        Assert.Equal(words.Order(StringComparer.OrdinalIgnoreCase), words);
    }

    [GeneratedRegex(@"`([A-Z]\w+/[\w/.]+\.cs)`")]
    private static partial Regex SourceFile();

    [GeneratedRegex(@"^\| \*([^*]+)\*", RegexOptions.Multiline)]
    private static partial Regex Word();
}
