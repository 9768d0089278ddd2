using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Core.Tests.Architecture;

/// <summary>A type is found by its name: one file of each name in the sources, named by its main type.</summary>
public sealed partial class FileRulesTests
{
    /// <summary>Files that still bear the name of a group.</summary>
    private static readonly string[] OfSeveralTypes =
    [
        "AccountModels.cs", "DomainModels.cs", "JobModels.cs", "MessageModels.cs", "Queries.cs", "QueryValues.cs", "BusMessages.cs",
        "RequestLinks.cs", "SaslMechanism.cs",
    ];

    [Fact]
    public void EveryFile_BearsTheNameOfATypeInIt() => Assert.Empty(Files()
        .Where(f => f.Name != "Program.cs" && !OfSeveralTypes.Contains(f.Name)
            && !TypeNames(File.ReadAllText(f.FullName)).Contains(f.Name.Split('.')[0]))
        .Select(f => f.FullName));

    [Fact]
    public void NoTwoFiles_HaveOneName() =>
        Assert.Empty(Files().Where(f => f.Name != "Program.cs").GroupBy(f => f.Name).Where(g => g.Count() > 1).Select(g => g.Key));

    private static IEnumerable<FileInfo> Files() =>
        new DirectoryInfo(Path.Combine(Repository.Root, "src")).EnumerateFiles("*.cs", SearchOption.AllDirectories);

    private static IEnumerable<string> TypeNames(string code) => Types().Matches(code).Select(m => m.Groups[1].Value);

    [GeneratedRegex(@"^(?:\w+ )*(?:record struct|record|class|struct|interface|enum) (\w+)", RegexOptions.Multiline)]
    private static partial Regex Types();
}
