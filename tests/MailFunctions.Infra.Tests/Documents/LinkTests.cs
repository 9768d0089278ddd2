using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>Every link of every document leads to a file, and to a heading of it, that is there.</summary>
public sealed partial class LinkTests
{
    private static readonly string[] NotOurs = ["node_modules", "artifacts", ".local", "TestResults", ".git"];

    public static TheoryData<string> Documents =>
        [.. Find(Repository.Root).Select(f => Path.GetRelativePath(Repository.Root, f)).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Find(string folder) => Directory.EnumerateFiles(folder, "*.md")
        .Concat(Directory.EnumerateDirectories(folder).Where(d => !NotOurs.Contains(Path.GetFileName(d))).SelectMany(Find));

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_LeadSomewhere(string document)
    {
        var path = Path.Combine(Repository.Root, document);
        var text = Fence().Replace(File.ReadAllText(path), "");

        Assert.All(Link().Matches(text).Select(m => m.Groups[1].Value), link =>
        {
            if (Uri.TryCreate(link, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "mailto")
            {
                return;
            }

            var (target, anchor) = link.Split('#', 2) is [var file, var heading] ? (file, heading) : (link, null);
            var there = target.Length == 0
                ? path
                : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, Uri.UnescapeDataString(target)));
            Assert.True(Path.Exists(there), $"{document} links to {link}, which is not there.");
            if (anchor is not null)
            {
                Assert.True(Anchors(there).Contains(anchor), $"{document} links to {link}, but there is no such heading.");
            }
        });
    }

    private static HashSet<string> Anchors(string path) =>
        [.. Heading().Matches(Fence().Replace(File.ReadAllText(path), ""))
            .Select(m => Dropped().Replace(m.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    [GeneratedRegex(@"\[[^\]]*\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Dropped();
}
