using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>Lines of documents fit into 140 columns; rows of tables and the targets of links may be longer.</summary>
public sealed partial class LineTests
{
    private const int Columns = 140;

    [Theory]
    [MemberData(nameof(LinkTests.Documents), MemberType = typeof(LinkTests))]
    public void Lines_Fit(string document) => Assert.DoesNotContain(
        File.ReadLines(Path.Combine(Repository.Root, document)).Select((text, index) => $"{index + 1}: {text}"),
        l => !Row().IsMatch(l) && Target().Replace(l[(l.IndexOf(' ', StringComparison.Ordinal) + 1)..], "").Length > Columns);

    [GeneratedRegex(@"^\d+: \s*\|")]
    private static partial Regex Row();

    [GeneratedRegex(@"\]\([^)\s]*\)|https?://\S+")]
    private static partial Regex Target();
}
