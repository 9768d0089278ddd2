using System.Formats.Tar;
using System.Text.Json.Nodes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>The image of the edge as infra/image/build.sh makes it: small, without a shell, and of a user without rights.</summary>
[Collection(PublishedCollection.Name)]
public sealed class EdgeImageTests(PublishedPrograms published)
{
    private const long MaxOctets = 60 * 1024 * 1024;
    private static readonly string[] Shells = ["sh", "bash", "dash", "busybox", "ash"];

    [Fact]
    public async Task Image_IsUnder60MiB_WithoutShell_AndOfUser1654()
    {
        Assert.True(File.Exists("/usr/bin/buildah"), "buildah is not installed: `apt-get install buildah`, then run this test again.");
        using var directory = new TemporaryDirectory();
        await using (var build = ProgramProcess.Start(Path.Combine(Repository.Root, "infra", "image", "build.sh"), [published.Edge, directory.File("edge.tar")]))
        {
            Assert.True(await build.WaitForExitAsync(TimeSpan.FromMinutes(3)) == 0, string.Join('\n', build.Errors));
        }

        await TarFile.ExtractToDirectoryAsync(directory.File("edge.tar"), directory.Path, overwriteFiles: true);
        var manifest = Blob(directory, JsonNode.Parse(File.ReadAllText(directory.File("index.json")))!["manifests"]![0]!);
        var config = Blob(directory, manifest["config"]!);

        Assert.InRange(manifest["layers"]!.AsArray().Sum(l => (long)l!["size"]!), 1, MaxOctets);
        Assert.Equal("1654:1654", (string)config["config"]!["User"]!);
        Assert.Equal("/app/MailFunctions.Edge", (string)config["config"]!["Entrypoint"]![0]!);
        var files = manifest["layers"]!.AsArray().SelectMany(l => Files(PathOf(directory, l!))).ToList();
        Assert.Contains("app/MailFunctions.Edge", files);
        Assert.DoesNotContain(files, f => Shells.Contains(Path.GetFileName(f)));
    }

    private static string PathOf(TemporaryDirectory directory, JsonNode described) =>
        directory.File(Path.Combine("blobs", ((string)described["digest"]!).Replace(':', '/')));

    private static JsonNode Blob(TemporaryDirectory directory, JsonNode described) => JsonNode.Parse(File.ReadAllText(PathOf(directory, described)))!;

    private static List<string> Files(string layer)
    {
        using var unpacked = new System.IO.Compression.GZipStream(File.OpenRead(layer), System.IO.Compression.CompressionMode.Decompress);
        using var tar = new TarReader(unpacked);
        var names = new List<string>();
        while (tar.GetNextEntry() is { } entry)
        {
            names.Add(entry.Name.TrimStart('.', '/'));
        }

        return names;
    }
}
