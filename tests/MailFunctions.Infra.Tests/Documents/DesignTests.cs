using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using MailFunctions.Azure;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>`docs/design.md` has every section that code and documents cite, and names what the code makes.</summary>
public sealed partial class DesignTests
{
    private static readonly string Design = File.ReadAllText(Path.Combine(Repository.Root, "docs", "design.md"));

    [Fact]
    public void CitedSections_Exist()
    {
        var sections = Heading().Matches(Design).Select(m => m.Groups[1].Value).ToHashSet();
        var cited = new[] { "src", "tests" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories))
            .Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .SelectMany(
                file => Citation().Matches(File.ReadAllText(file)).Select(m => (File: Path.GetFileName(file), Section: m.Groups[1].Value)))
            .ToList();

        Assert.True(cited.Count > 20, $"{cited.Count} citations");
        Assert.DoesNotContain(cited, c => !sections.Contains(c.Section));
    }

    [Fact]
    public void TablesContainersAndQueues_AreThoseOfTheCode()
    {
        var tables = Section("### 3.3 ");

        Assert.Equal(StorageSetup.Tables.Order(), Table().Matches(tables).Select(m => m.Groups[1].Value).Distinct().Order());
        Assert.All(StorageSetup.Containers, c => Assert.Contains($"`{c}`", Section("### 3.2 "), StringComparison.Ordinal));
        Assert.All(
            [QueueNames.Inbound, QueueNames.Outbound], q => Assert.Contains($"`{q}`", Section("### 3.1 "), StringComparison.Ordinal));
    }

    [Fact]
    public void EnvelopeFields_AreThoseOfTheCode()
    {
        Type[] bodies =
            [typeof(InboundEnvelope), typeof(ClientInfo), typeof(ReversePath), typeof(EnvelopeRecipient), typeof(OutboundAlarm)];
        var fields = bodies
            .SelectMany(t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance))
            .Where(p => p.GetCustomAttribute<JsonIgnoreAttribute>() is null)
            .Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name));

        Assert.All(fields, f => Assert.Matches($@"\b{f}\b", Section("### 3.1 ")));
    }

    [Fact]
    public void Projects_AreThoseOfTheSolution() => Assert.Equal(
        Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(d => Path.GetFileName(d)!).Order(),
        Table().Matches(Section("## 2. ")).Select(m => m.Groups[1].Value).Order());

    private static string Section(string heading)
    {
        var start = Design.IndexOf("\n" + heading, StringComparison.Ordinal);
        Assert.True(start >= 0, $"There is no section '{heading}'.");
        var end = Design.IndexOf("\n##", start + heading.Length, StringComparison.Ordinal);
        return end < 0 ? Design[start..] : Design[start..end];
    }

    [GeneratedRegex(@"^#+ (\d+(?:\.\d+)?)\.? ", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\b[Dd]esign \(?§(\d+(?:\.\d+)?)")]
    private static partial Regex Citation();

    [GeneratedRegex(@"^\| `([\w.]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Table();
}
