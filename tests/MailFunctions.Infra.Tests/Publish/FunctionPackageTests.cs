using System.Reflection.PortableExecutable;
using System.Text.Json.Nodes;
using MailFunctions.Infra.Tests.Settings;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>The published function app is what the Functions host expects in its app root, and no more than that.</summary>
[Collection(PublishedCollection.Name)]
public sealed class FunctionPackageTests(PublishedPrograms published)
{
    [Fact]
    public void Root_HoldsWhatTheHostReads()
    {
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Repository.Root, "host.json")),
            File.ReadAllBytes(Path.Combine(published.Functions, "host.json")));
        Assert.Equal(FunctionsMetadata.All.Keys.Order(), FunctionsMetadata.Read(published.Functions).Keys.Order());
        var description = JsonNode.Parse(File.ReadAllText(Path.Combine(published.Functions, "worker.config.json")))!["description"]!;
        Assert.Equal(
            ("dotnet-isolated", "dotnet", "MailFunctions.Functions.dll", true),
            ((string)description["language"]!, (string)description["defaultExecutablePath"]!, (string)description["defaultWorkerPath"]!,
                (bool)description["canUsePlaceholder"]!));
        // The host's own assemblies, in a hidden folder that a copy has to take along.
        Assert.True(File.Exists(Path.Combine(published.Functions, ".azurefunctions", "function.deps.json")));
        var extensions = JsonNode.Parse(File.ReadAllText(Path.Combine(published.Functions, "extensions.json")))!["extensions"]!.AsArray();
        Assert.All(
            extensions, e => Assert.True(File.Exists(Path.Combine(published.Functions, (string)e!["hintPath"]!)), (string)e["hintPath"]!));
    }

    [Fact]
    public void HostJson_NamesNoExtensionBundle_BecauseTheHostWouldNotStart() =>
        Assert.Null(JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "host.json")))!["extensionBundle"]);

    [Fact]
    public void Functions_AreTheAppsOwnAndEveryTriggerIsOneTheHostKnows()
    {
        Assert.Equal(["Admin", "Health", "Housekeeping", "Inbound", "OpenApi", "Outbound"], FunctionsMetadata.All.Keys.Order());
        var levels = FunctionsMetadata.Bindings.Where(b => (string?)b.Binding["type"] == "httpTrigger")
            .ToDictionary(b => b.Function, b => (string?)b.Binding["authLevel"]);
        Assert.Equal(
            new Dictionary<string, string?>
            {
                ["Admin"] = "Function",
                ["Health"] = "Anonymous",
                ["OpenApi"] = "Anonymous",
            }.OrderBy(l => l.Key), levels.OrderBy(l => l.Key));
        Assert.All(
            FunctionsMetadata.Bindings.Where(b => (string?)b.Binding["type"] == "serviceBusTrigger"),
            b => Assert.Equal("True", (string?)b.Binding["properties"]!["supportsDeferredBinding"]));
    }

    /// <summary>Framework-dependent: plans with placeholders load it inside a warm process, and nothing needs an executable bit.</summary>
    [Fact]
    public void Package_RunsOnTheHostsRuntime_CompiledAhead()
    {
        Assert.False(File.Exists(Path.Combine(published.Functions, "libcoreclr.so")));
        string[] files =
        [
            "MailFunctions.Functions.dll", "MailFunctions.Azure.dll", "MimeKit.dll", "Azure.Core.dll",
            "Microsoft.Azure.Functions.Worker.Core.dll",
        ];
        Assert.All(files, name =>
        {
            using var file = new PEReader(File.OpenRead(Path.Combine(published.Functions, name)));
            Assert.True(file.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size > 0, $"{name} is not ReadyToRun.");
        });
    }

    /// <summary>
    /// A package without the host's half of the trigger would leave all mail in the queue. Where the package source has it,
    /// a plain publish names it; where it has not, the publish fails, and says what is missing.
    /// </summary>
    [Fact]
    public async Task Publish_AsForAzure_HasTheHostsHalfOrFailsAndSaysWhatIsMissing()
    {
        using var folder = new TemporaryDirectory();
        var (exitCode, output) = await PublishedPrograms.RunAsync("MailFunctions.Functions", folder.File("app"));

        if (exitCode == 0)
        {
            Assert.Contains(
                "ServiceBusWebJobsStartup", await File.ReadAllTextAsync(folder.File("app/extensions.json")), StringComparison.Ordinal);
        }
        else
        {
            Assert.Contains("Microsoft.Azure.WebJobs.Extensions.ServiceBus", output, StringComparison.Ordinal);
            Assert.False(Directory.Exists(folder.File("app")), "There is a package all the same.");
        }
    }

    /// <summary>azd packages by a plain `dotnet publish`, which nothing but the environment could turn aside.</summary>
    [Fact]
    public async Task Publish_WithTheHostsHalfSwitchedOffByTheEnvironment_IsRefused()
    {
        using var folder = new TemporaryDirectory();
        var (exitCode, output) =
            await PublishedPrograms.RunAsync(
                "MailFunctions.Functions", folder.File("app"), new() { ["ServiceBusHostExtension"] = "false" });

        Assert.NotEqual(0, exitCode);
        Assert.Contains("The environment variable ServiceBusHostExtension would take the Service Bus trigger out of every package", output,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Package_HoldsNoSettingsAndNoSecrets()
    {
        var files = Directory.EnumerateFiles(published.Functions, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(published.Functions, f)).ToList();

        Assert.DoesNotContain(
            files,
            f => f.Contains("local.settings", StringComparison.OrdinalIgnoreCase)
                || f.Contains("secrets.json", StringComparison.OrdinalIgnoreCase) || Path.GetExtension(f) is ".env" or ".pem" or ".pfx");
        Assert.All(
            files.Where(f => f.EndsWith(".json", StringComparison.Ordinal)),
            f => Assert.DoesNotContain("AccountKey=", File.ReadAllText(Path.Combine(published.Functions, f)), StringComparison.Ordinal));
    }
}
