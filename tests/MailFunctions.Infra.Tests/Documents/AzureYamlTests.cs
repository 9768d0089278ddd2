using System.Diagnostics;
using System.Text.RegularExpressions;
using MailFunctions.Azure;
using MailFunctions.Core.Bus;
using MailFunctions.Infra.Tests.Bicep;
using MailFunctions.TestKit;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>`azure.yaml`, its hooks and `compose.yaml`: what they name is there, and the names agree with the code.</summary>
public sealed partial class AzureYamlTests(ArmTemplate template)
{
    private static readonly YamlMappingNode Azd = Yaml.Read("azure.yaml");

    [Fact]
    public void AzureYaml_HasItsSchema_AndOnlyKeysOfIt()
    {
        Assert.StartsWith("# yaml-language-server: $schema=", File.ReadLines(Path.Combine(Repository.Root, "azure.yaml")).First(),
            StringComparison.Ordinal);
        Assert.Matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", Azd.Text("name"));
        Assert.Empty(Azd.Members().Select(m => m.Key).Except(["name", "metadata", "requiredVersions", "infra", "services", "hooks"]));
        Assert.Empty(Azd.Get("hooks").Members()
            .Select(m => m.Key).Except(["preprovision", "postprovision", "predeploy", "postdeploy", "prepackage", "preup", "postup"]));
    }

    [Fact]
    public void Services_AreTheTaggedResources_AndTheirFoldersExist()
    {
        var services = Azd.Get("services").Members().ToDictionary();
        var tagged =
            template.Modules.SelectMany(
                m => ServiceTag().Matches(m.Template.ToJsonString().Replace("\\u0027", "'", StringComparison.Ordinal)))
            .Select(m => m.Groups[1].Value);

        Assert.Equal(services.Keys.Order(), tagged.Distinct().Order());
        Assert.All(services.Values, service =>
        {
            var project = Path.Combine(Repository.Root, service.Text("project")!);
            Assert.True(Directory.Exists(project), project);
            Assert.Contains(service.Text("host"), new[] { "function", "containerapp" });
            if (service.Text("docker", "path") is { } file)
            {
                Assert.True(File.Exists(Path.Combine(project, file)), file);
            }
        });
    }

    [Fact]
    public void Functions_ArePackagedByAzd_WithNothingInItsWay()
    {
        Assert.Null(Azd.Get("services", "functions", "hooks"));
        string[] files = ["azure.yaml", "README.md", Path.Combine("docs", "deploy.md"), Path.Combine(".github", "workflows", "deploy.yml")];
        Assert.DoesNotContain(files.SelectMany(f => File.ReadLines(Path.Combine(Repository.Root, f))), l => l.Contains(
            "--from-package", StringComparison.Ordinal)
            || l.Contains("ServiceBusHostExtension=false", StringComparison.Ordinal));
    }

    [Fact]
    public void Parameters_AreThoseOfMain_AndNoneWithoutDefaultIsMissing()
    {
        var parameters = template.Root["parameters"]!.AsObject();
        var given =
            System.Text.Json.Nodes.JsonNode.Parse(
                File.ReadAllText(Path.Combine(Repository.Root, "infra", "main.parameters.json")))!["parameters"]!.AsObject()
            .Select(p => p.Key).ToList();

        Assert.Empty(given.Except(parameters.Select(p => p.Key)));
        Assert.Empty(parameters.Where(p => p.Value!["defaultValue"] is null).Select(p => p.Key).Except(given));
    }

    [Fact]
    public void Hooks_ExistForBothShells_AndTheirVariablesAreOutputs()
    {
        foreach (var (_, hook) in Azd.Get("hooks").Members())
        {
            Assert.Equal("sh", hook.Text("posix", "shell"));
            Assert.Equal("pwsh", hook.Text("windows", "shell"));
            Assert.True(File.Exists(Path.Combine(Repository.Root, hook.Text("posix", "run")!)));
            Assert.True(File.Exists(Path.Combine(Repository.Root, hook.Text("windows", "run")!)));
        }

        var known = template.Root["outputs"]!.AsObject().Select(o => o.Key)
            .Concat(Placeholder()
                .Matches(File.ReadAllText(Path.Combine(Repository.Root, "infra", "main.parameters.json"))).Select(m => m.Groups[1].Value))
                .ToList();
        Assert.All(Scripts("*.sh"), file => Assert.Empty(
            Variable().Matches(File.ReadAllText(file)).Select(m => m.Groups[1].Value).Except(known).Except(["PWD"])));
        Assert.All(Scripts("*.ps1"), file => Assert.Empty(
            PowerShellVariable().Matches(File.ReadAllText(file)).Select(m => m.Groups[1].Value).Except(known)));
    }

    [Fact]
    public void ShellHooks_AreRunnable_AndParse() => Assert.All(Scripts("*.sh"), file =>
    {
        Assert.True(File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute), $"{file} is not executable.");
        Assert.Equal(0, Run("sh", ["-n", file], []).ExitCode);
    });

    [Theory]
    [InlineData("check.sh", "MAIL_HOST_NAME is not set")]
    [InlineData("show.sh", "SERVICE_EDGE_ADDRESS is not known")]
    [InlineData("edge-machines.sh", "is not")]
    [InlineData("functions-premium.sh", "is not")]
    public void ShellHooks_WithoutWhatTheyNeed_StopWithASentence(string script, string sentence)
    {
        var (exitCode, _, errors) = Run("sh", [Hook(script)], []);

        Assert.Equal(1, exitCode);
        Assert.Contains(sentence, errors, StringComparison.Ordinal);
        Assert.Single(errors.Trim().Split('\n'));
    }

    /// <summary>PowerShell comes as a .NET tool (.config/dotnet-tools.json).</summary>
    [Theory]
    [InlineData("check.ps1", "MAIL_HOST_NAME is not set")]
    [InlineData("show.ps1", "SERVICE_EDGE_ADDRESS is not known")]
    public void PowerShellHooks_WithoutWhatTheyNeed_StopWithASentence(string script, string sentence)
    {
        var (exitCode, _, errors) = RunPowerShell(script, []);

        Assert.True(exitCode == 1, errors);
        Assert.Contains(sentence, errors, StringComparison.Ordinal);
        Assert.Single(errors.Trim().Split('\n'));
    }

    [Theory]
    [InlineData("check", "MAIL_HOST_NAME=mx.test")]
    [InlineData("check", "MAIL_HOST_NAME=mx.test", "EDGE_HOSTING=vmss", "EDGE_SSH_PUBLIC_KEY=ssh-ed25519 k")]
    [InlineData("show", "MAIL_HOST_NAME=mx.test", "SERVICE_EDGE_ADDRESS=192.0.2.1", "SERVICE_FUNCTIONS_URI=https://f.test", "AZURE_RESOURCE_GROUP=rg", "SERVICE_FUNCTIONS_NAME=f")]
    [InlineData("show", "MAIL_HOST_NAME=mx.test", "SERVICE_EDGE_ADDRESS=192.0.2.1", "SERVICE_FUNCTIONS_URI=https://f.test", "AZURE_RESOURCE_GROUP=rg", "SERVICE_FUNCTIONS_NAME=f", "TLS_CERTIFICATE_NAME=c")]
    public void Hooks_WithWhatTheyNeed_SayTheSameInBothShells(string hook, params string[] variables)
    {
        var environment = variables.Select(v => v.Split('=', 2)).ToDictionary(v => v[0], v => v[1]);
        var shell = Run("sh", [Hook(hook + ".sh")], environment);

        Assert.Equal((0, ""), (shell.ExitCode, shell.Errors));
        Assert.Equal(shell, RunPowerShell(hook + ".ps1", environment));
        Assert.Equal(hook == "show", shell.Output.Contains("192.0.2.1", StringComparison.Ordinal));
    }

    [Fact]
    public void Compose_MakesTheContainersTablesAndQueuesOfTheCode()
    {
        var compose = Yaml.Read("compose.yaml");
        var setup = compose.Get("services", "storage-setup", "environment")!;
        Assert.Equal(StorageSetup.Containers.Order(), setup.Text("CONTAINERS")!.Split(' ').Order());
        Assert.Equal(StorageSetup.Tables.Order(), setup.Text("TABLES")!.Split(' ').Order());

        var bus = System.Text.Json.Nodes.JsonNode.Parse(compose.Text("configs", "bus", "content")!)!;
        var queues = bus["UserConfig"]!["Namespaces"]![0]!["Queues"]!.AsArray().Select(q => (string)q!["Name"]!);
        Assert.Equal(new[] { QueueNames.Inbound, QueueNames.Outbound }.Order(), queues.Order());

        var edge = compose.Get("services", "edge")!;
        Assert.Equal("true", edge.Text("read_only"));
        Assert.All(compose.Get("services").Members().Where(s => s.Value.Get("build") is not null), s =>
            Assert.True(File.Exists(Path.Combine(Repository.Root, s.Value.Text("build", "dockerfile")!))));
        Assert.All(
            compose.Get("services").Members().SelectMany(s => (s.Value.Get("ports") as YamlSequenceNode)?.Children ?? []),
            port => Assert.StartsWith("127.0.0.1:", ((YamlScalarNode)port).Value, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("MailFunctions.Edge")]
    [InlineData("MailFunctions.Functions")]
    public void Dockerfile_CopiesEveryProjectThatItBuilds(string project)
    {
        var dockerfile = File.ReadAllText(Path.Combine(Repository.Root, "src", project, "Dockerfile"));

        Assert.All(Projects(project), p => Assert.Contains($"COPY src/{p}/*.csproj", dockerfile, StringComparison.Ordinal));
        Assert.Contains("dotnet publish src/" + project, dockerfile, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Projects(string project) =>
        ProjectReference().Matches(File.ReadAllText(Path.Combine(Repository.Root, "src", project, project + ".csproj")))
            .Select(m => m.Groups[1].Value).SelectMany(Projects).Append(project).Distinct();

    private static string[] Scripts(string pattern) => Directory.GetFiles(Path.Combine(Repository.Root, "infra", "hooks"), pattern);

    private static readonly Lazy<Ended> ToolsRestored = new(() => Run("dotnet", ["tool", "restore"], []));

    private static Ended RunPowerShell(string script, Dictionary<string, string> environment)
    {
        Assert.True(ToolsRestored.Value.ExitCode == 0, "dotnet tool restore: " + ToolsRestored.Value);
        return Run("dotnet", ["tool", "run", "pwsh", "--", "-NoProfile", "-NonInteractive", "-File", Hook(script)], environment);
    }

    private static string Hook(string script) => Path.Combine(Repository.Root, "infra", "hooks", script);

    private static Ended Run(string program, string[] arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = Repository.Root,
        };
        foreach (var name in start.Environment.Keys.Where(
            k => k.StartsWith("AZURE_", StringComparison.Ordinal) || k.StartsWith("SERVICE_", StringComparison.Ordinal)
                || k is "MAIL_HOST_NAME" or "EDGE_HOSTING" or "EDGE_SSH_PUBLIC_KEY" or "TLS_CERTIFICATE_NAME")
            .ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["DOTNET_NOLOGO"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return new Ended(process.ExitCode, output.Result, errors);
    }

    private sealed record Ended(int ExitCode, string Output, string Errors);

    [GeneratedRegex(@"azd-service-name'?""?[,:] ?['""](\w+)['""]")]
    private static partial Regex ServiceTag();

    [GeneratedRegex(@"\$\{([A-Z_]+)=?[^}]*\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\$\{?([A-Z][A-Z_]{2,})")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\$env:([A-Z_]+)")]
    private static partial Regex PowerShellVariable();

    [GeneratedRegex(@"ProjectReference Include=""\.\./(MailFunctions\.\w+)/")]
    private static partial Regex ProjectReference();
}
