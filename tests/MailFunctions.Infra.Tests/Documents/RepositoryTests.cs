using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>What surrounds the code: attributes of files, the dev container, compose's images, the scripts of `.ci`.</summary>
public sealed partial class RepositoryTests
{
    [Fact]
    public void GitAttributes_MatchFilesThatAreThere()
    {
        var patterns = File.ReadLines(Path.Combine(Repository.Root, ".gitattributes"))
            .Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split(' ')[0]).ToList();
        string[] folders = ["src", "tests", "docs", "infra"];

        Assert.Contains("*", patterns);
        Assert.All(patterns, pattern => Assert.True(
            Directory.EnumerateFiles(Repository.Root, pattern).Any()
            || folders.Any(f => Directory.EnumerateFiles(Path.Combine(Repository.Root, f), pattern, SearchOption.AllDirectories).Any()),
            $".gitattributes names {pattern}, and there is no such file."));
    }

    [Fact]
    public void DevContainer_HasTheSdkOfTheImages_AndNode()
    {
        var container = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, ".devcontainer", "devcontainer.json")))!;
        var package = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "package.json")))!;
        var node = container["features"]!.AsObject().Single(f => f.Key.Contains("/node:", StringComparison.Ordinal)).Value!;

        Assert.All(
            (string[])["MailFunctions.Edge", "MailFunctions.Functions"],
            p => Assert.Contains($"FROM {container["image"]} AS build\n",
                File.ReadAllText(Path.Combine(Repository.Root, "src", p, "Dockerfile")), StringComparison.Ordinal));
        Assert.True(int.Parse((string)node["version"]!, null) >= int.Parse(((string)package["engines"]!["node"]!)[2..], null));
    }

    [Fact]
    public void Compose_PinsEveryImage_AndHasTheEmulatorsKeyOnce()
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "compose.yaml"));
        var images = Yaml.Read("compose.yaml").Get("services").Members().Select(s => s.Value.Text("image")).OfType<string>().ToList();

        Assert.NotEmpty(images);
        Assert.All(images, image => Assert.Matches(Version(), image));
        Assert.DoesNotContain(images, i => i.Contains("latest", StringComparison.Ordinal));
        Assert.Single(AccountKey().Matches(text));
    }

    [Fact]
    public void Owners_AreOfPathsThatAreThere() => Assert.All(
        File.ReadLines(Path.Combine(Repository.Root, ".github", "CODEOWNERS")).Select(l => OwnedPath().Match(l)).Where(m => m.Success),
        m => Assert.True(Path.Exists(Path.Combine(Repository.Root, m.Groups[1].Value)), m.Value));

    [Theory]
    [InlineData("## 1.2.3", "1.2.3", "- one\n- two")]
    [InlineData("## 1.2.3 (2026-11-28)", "1.2.3", "- one\n- two")]
    [InlineData("## 1.2.30", "1.2.3", null)]
    public void ChangelogScript_PrintsTheSectionOfAVersion_OrFails(string heading, string version, string? expected)
    {
        using var folder = new TemporaryDirectory();
        File.WriteAllText(
            folder.File("CHANGELOG.md"), $"# Changelog\n\n## Unreleased\n\n- zero\n\n{heading}\n\n- one\n- two\n\n## 1.0.0\n\n- first\n");
        var (exitCode, output) = Run(["changelog.mjs", version, folder.File("CHANGELOG.md")], "");

        Assert.Equal(expected is null ? 1 : 0, exitCode);
        Assert.Equal(expected ?? "", output.Trim());
    }

    [Theory]
    [InlineData(72, 0)]
    [InlineData(73, 1)]
    public void SubjectsScript_FailsForALongSubject(int length, int expected) =>
        Assert.Equal(expected, Run(["subjects.mjs"], $"Begin\n{new string('ö', length)}\n").ExitCode);

    private static (int ExitCode, string Output) Run(string[] script, string input)
    {
        using var process = Process.Start(new ProcessStartInfo("node", [Path.Combine(Repository.Root, ".ci", script[0]), .. script[1..]])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        _ = errors.Result;
        return (process.ExitCode, output);
    }

    [GeneratedRegex(@":[\w.-]*\d+[\w.-]*$")]
    private static partial Regex Version();

    [GeneratedRegex("AccountKey=")]
    private static partial Regex AccountKey();

    [GeneratedRegex(@"^[# ]*/(\S+?)/?\s+@")]
    private static partial Regex OwnedPath();
}
