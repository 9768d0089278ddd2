using System.Xml.Linq;
using Xunit;

namespace MailFunctions.Core.Tests.Architecture;

/// <summary>Holds the reference rules of the design (§2): read from the project files, so nothing slips in unused either.</summary>
public sealed class ReferenceRulesTests
{
    private static readonly Dictionary<string, string[]> AllowedProjects = new()
    {
        ["Core"] = [],
        ["Protocols"] = ["Core"],
        ["Azure"] = ["Core"],
        ["Edge"] = ["Protocols", "Azure"],
        ["Functions"] = ["Azure"],
        ["Local"] = ["Azure"],
    };

    private static readonly Dictionary<string, string[]> AllowedPackages = new()
    {
        ["Core"] = [],
        ["Protocols"] = ["Microsoft.Extensions.Logging.Abstractions"],
        ["Azure"] = [
            "Azure.Data.Tables", "Azure.Identity", "Azure.Messaging.ServiceBus", "Azure.Monitor.OpenTelemetry.Exporter",
            "Azure.Security.KeyVault.Secrets", "Azure.Storage.Blobs", "OpenTelemetry*"],
        ["Edge"] = [],
        ["Functions"] =
        [
            "Azure.Messaging.ServiceBus", "BouncyCastle.Cryptography", "DnsClient", "MailKit", "Microsoft.AspNetCore.OpenApi",
            "Microsoft.Azure.Functions.Worker*",
        ],
        // AMQP.Net Lite is the local bus's listener alone (decision 0073).
        ["Local"] =
        [
            "AMQPNetLite", "Azure.Messaging.ServiceBus", "Cronos", "Grpc.AspNetCore", "MailKit", "Microsoft.Data.Sqlite",
            "System.CommandLine",
            "Yarp.ReverseProxy",
        ],
    };

    public static TheoryData<string> Projects => [.. AllowedProjects.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_References_AreThoseOfTheDesign(string project)
    {
        var file = XDocument.Load(Path.Combine(Root, "src", $"MailFunctions.{project}", $"MailFunctions.{project}.csproj"));

        var projects = file.Descendants("ProjectReference")
            .Where(r => (string?)r.Attribute("ReferenceOutputAssembly") != "false")
            .Select(r => Path.GetFileNameWithoutExtension((string)r.Attribute("Include")!)
                .Replace("MailFunctions.", "", StringComparison.Ordinal));
        Assert.Empty(projects.Except(AllowedProjects[project]));

        var packages = file.Descendants("PackageReference").Select(r => (string)r.Attribute("Include")!);
        Assert.All(packages, package => Assert.Contains(AllowedPackages[project], allowed => Matches(allowed, package)));
    }

    private static bool Matches(string allowed, string package) =>
        allowed.EndsWith('*') ? package.StartsWith(allowed[..^1], StringComparison.Ordinal) : allowed == package;

    [Fact]
    public void TopLevel_HoldsWhatTheDesignNames_AndNoMore()
    {
        string[] allowed =
        [
            "src", "tests", "infra", "docs", "MailFunctions.sln", "host.json", "README.md", "local.settings.sample.json",
            "azure.yaml", "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json",
            "package.json", "package-lock.json", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "compose.yaml",
        ];
        string[] made = ["artifacts", "node_modules", "TestResults", "local.settings.json"];

        var there = new DirectoryInfo(Root).EnumerateFileSystemInfos().Select(f => f.Name).Where(n => !n.StartsWith('.'));

        Assert.Empty(there.Except(allowed).Except(made));
    }

    [Fact]
    public void EverySourceProject_IsNamedHere()
    {
        var there = new DirectoryInfo(Path.Combine(Root, "src"))
            .EnumerateDirectories().Select(d => d.Name.Replace("MailFunctions.", "", StringComparison.Ordinal));

        Assert.Equal(AllowedProjects.Keys.Order(), there.Order());
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_HasNoCycleBetweenItsNamespaces(string project)
    {
        var folder = new DirectoryInfo(Path.Combine(Root, "src", $"MailFunctions.{project}"));

        var cycles = NamespaceGraph.Of(folder.EnumerateFiles("*.cs", SearchOption.AllDirectories).Select(f => File.ReadAllText(f.FullName)))
            .Cycles();

        Assert.True(cycles.Count == 0, $"Namespaces know each other:\n{string.Join('\n', cycles)}");
    }

    [Theory]
    [InlineData("using MailFunctions.X.A;\nnamespace MailFunctions.X.B;\nclass Two;", "namespace MailFunctions.X.A;\nclass One { B.Two? two; }")]
    [InlineData("namespace MailFunctions.X;\nclass Two { A.One? one; }", "namespace MailFunctions.X.A;\nclass One { Two? two; }")]
    public void Cycles_OfNamespacesThatKnowEachOther_AreFound(params string[] sources) =>
        Assert.Equal(2, NamespaceGraph.Of(sources).Cycles().Count);

    [Fact]
    public void Cycles_OfNamesInCommentsAndTexts_AreNone() =>
        Assert.Empty(NamespaceGraph.Of(
            [
                "using MailFunctions.X.A;\nnamespace MailFunctions.X.B;\nclass Two;",
                "namespace MailFunctions.X.A;\nclass One { string s = \"B.Two\"; } // B.Two"]).Cycles());

    private static string Root { get; } = FindRoot();

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "MailFunctions.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The tests run outside a checkout.");
    }
}
