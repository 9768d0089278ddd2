using System.IO.Compression;
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
    public void Root_HoldsTheHostJsonOfTheRepository_AndTheExecutableThatItNames()
    {
        Assert.Equal(File.ReadAllBytes(Path.Combine(Repository.Root, "host.json")), File.ReadAllBytes(Path.Combine(published.Functions, "host.json")));

        var description = JsonNode.Parse(File.ReadAllText(Path.Combine(published.Functions, "host.json")))!["customHandler"]!["description"]!;
        var executable = Path.Combine(published.Functions, (string)description["defaultExecutablePath"]!);
        Assert.True(File.Exists(executable), $"{executable} is not there.");
        Assert.True(File.GetUnixFileMode(executable).HasFlag(UnixFileMode.OtherExecute), "Nobody but its owner can run it.");
        Assert.Equal("\u007fELF"u8, File.ReadAllBytes(executable).AsSpan(0, 4));
    }

    [Fact]
    public void Zip_KeepsTheModes_BecauseTheMountIsReadOnly()
    {
        using var zip = ZipFile.OpenRead(published.FunctionsZip);

        Assert.Equal(
            Directory.EnumerateFiles(published.Functions, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(published.Functions, f)).Order(StringComparer.Ordinal),
            zip.Entries.Where(e => e.Name.Length > 0).Select(e => e.FullName).Order(StringComparer.Ordinal));
        Assert.All(zip.Entries.Where(e => e.Name.Length > 0), entry =>
            Assert.Equal(File.GetUnixFileMode(Path.Combine(published.Functions, entry.FullName)), (UnixFileMode)((entry.ExternalAttributes >> 16) & 0b111_111_111)));
        Assert.True(((UnixFileMode)(zip.GetEntry("MailFunctions.Functions")!.ExternalAttributes >> 16)).HasFlag(UnixFileMode.OtherExecute));
    }

    [Fact]
    public void Folders_AreTheFunctionsOfTheSource_EachWithItsFunctionJson()
    {
        var folders = Directory.EnumerateFiles(published.Functions, "function.json", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(published.Functions, Path.GetDirectoryName(f)!));

        Assert.Equal(FunctionFolders.All.Keys.Order(), folders.Order());
        Assert.Equal(FunctionFolders.All.Keys.Order(), Directory.EnumerateDirectories(published.Functions).Select(d => Path.GetFileName(d)!).Order());
    }

    [Fact]
    public void Package_BringsItsRuntime_CompiledAhead()
    {
        Assert.True(File.Exists(Path.Combine(published.Functions, "libcoreclr.so")));
        Assert.All(["MailFunctions.Functions.dll", "MailFunctions.Azure.dll", "MimeKit.dll", "Azure.Core.dll"], (string name) =>
        {
            using var file = new PEReader(File.OpenRead(Path.Combine(published.Functions, name)));
            Assert.True(file.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size > 0, $"{name} is not ReadyToRun.");
        });
    }

    [Fact]
    public void Package_HoldsNoSettingsAndNoSecrets()
    {
        var files = Directory.EnumerateFiles(published.Functions, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(published.Functions, f)).ToList();

        Assert.DoesNotContain(files, f => f.Contains("local.settings", StringComparison.OrdinalIgnoreCase) || f.EndsWith(".env", StringComparison.Ordinal)
            || f.Contains("secrets.json", StringComparison.OrdinalIgnoreCase) || f.EndsWith(".pem", StringComparison.Ordinal) || f.EndsWith(".pfx", StringComparison.Ordinal));
        Assert.All(
            files.Where(f => f.EndsWith(".json", StringComparison.Ordinal)),
            f => Assert.DoesNotContain("AccountKey=", File.ReadAllText(Path.Combine(published.Functions, f)), StringComparison.Ordinal));
    }
}
