using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>
/// A machine with the SDK and Node alone passes all tests: whatever else they start comes from <see cref="OptionalTool"/>,
/// which makes them skip, and which `.ci/run` hides from them once.
/// </summary>
public sealed partial class OptionalToolTests
{
    /// <summary>What every machine has on which this repository can be built.</summary>
    private static readonly string[] Required = ["dotnet", "node", "sh"];

    private static readonly List<(string File, string Text)> Sources = [.. Directory
        .GetFiles(Path.Combine(Repository.Root, "tests"), "*.cs", SearchOption.AllDirectories)
        .Where(f => !f.EndsWith(nameof(OptionalToolTests) + ".cs", StringComparison.Ordinal))
        .Select(f => (Path.GetFileName(f), File.ReadAllText(f)))];

    private static readonly string Script = File.ReadAllText(Path.Combine(Repository.Root, ".ci", "run"));

    [Fact]
    public void ProgramsStartedByName_AreThoseThatEveryMachineHas()
    {
        var started = Sources.SelectMany(s => Started().Matches(s.Text).Select(m => (s.File, Program: m.Groups["program"].Value))).ToList();

        Assert.Contains(started, s => s.Program == "node");
        Assert.DoesNotContain(started, s => !Required.Contains(s.Program));
    }

    [Fact]
    public void Programs_AreNotStartedByAPathOfTheirPackage() =>
        Assert.DoesNotContain(Sources, s => s.File != nameof(OptionalTool) + ".cs" && InstalledProgram().IsMatch(s.Text));

    [Fact]
    public void EveryTool_IsInstalledForTheChecks() => Assert.All(
        OptionalTool.All, tool =>
            Assert.Contains(tool.Package, (string[])["tar", .. ToolList().Match(Script).Groups["packages"].Value.Split(' ')]));

    [Fact]
    public void Checks_RunTheTestsOfToolsOnceMoreWithoutThem_AndCountTheMainRunAlone()
    {
        Assert.Contains($"--filter-trait \"{ToolFactAttribute.Trait}=*\"", Script, StringComparison.Ordinal);
        Assert.EndsWith("echo \"${passed:-0} passed, ${wrong:-0} failed, ${skipped:-0} skipped\"\nexit \"$failed\"\n", Script,
            StringComparison.Ordinal);
    }

    [GeneratedRegex("""(?:ProcessStartInfo|Process\.Start)\(\s*"(?<program>[^"]+)""")]
    private static partial Regex Started();

    [GeneratedRegex("\"/usr/(?:local/)?s?bin/[a-z]")]
    private static partial Regex InstalledProgram();

    [GeneratedRegex(@"^tools=\((?<packages>[^)]*)\)", RegexOptions.Multiline)]
    private static partial Regex ToolList();
}
