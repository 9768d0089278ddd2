using System.Formats.Tar;
using System.Text.Json.Nodes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>
/// The image of the edge as infra/image/build.sh makes it: small, without a shell, of a user without rights, and it starts.
/// </summary>
[Collection(PublishedCollection.Name)]
public sealed class EdgeImageTests(PublishedPrograms published)
{
    private const long MaxOctets = 60 * 1024 * 1024;
    private const string StorageOfNobody = "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=bm9ib2R5;"
        + "BlobEndpoint=http://127.0.0.1:1/nobody;TableEndpoint=http://127.0.0.1:1/nobody;";
    private const string BusOfNobody =
        "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=nobody;SharedAccessKey=bm9ib2R5;UseDevelopmentEmulator=true;";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private static readonly string[] Shells = ["sh", "bash", "dash", "busybox", "ash"];

    [ToolFact("buildah", "bwrap", "tar")]
    public async Task Image_IsUnder60MiB_WithoutShell_AndStartsAsUser1654()
    {
        using var directory = new TemporaryDirectory();
        await using (var build =
            ProgramProcess.Start(Path.Combine(Repository.Root, "infra", "image", "build.sh"), [published.Edge, directory.File("edge.tar")]))
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
        await StartAsync(await UnpackAsync(directory, manifest), config["config"]!);
    }

    /// <summary>By tar: the packages have links that are absolute, which .NET takes for links out of the folder.</summary>
    private static async Task<string> UnpackAsync(TemporaryDirectory directory, JsonNode manifest)
    {
        File.SetUnixFileMode(directory.Path, (UnixFileMode)0b111_101_101);
        foreach (var mountPoint in (string[])["root/proc", "root/dev"])
        {
            Directory.CreateDirectory(directory.File(mountPoint));
        }

        foreach (var layer in manifest["layers"]!.AsArray())
        {
            await using var tar =
                ProgramProcess.Start(
                    OptionalTool.PathOf("tar"), ["-xzf", PathOf(directory, layer!), "-C", directory.File("root"), "--no-same-owner"]);
            Assert.True(await tar.WaitForExitAsync(Limit) == 0, string.Join('\n', tar.Errors));
        }

        return directory.File("root");
    }

    /// <summary>Read-only, with what the image says of user, folder, environment and program, and nothing of this machine.</summary>
    private static async Task StartAsync(string root, JsonNode config)
    {
        var ports = ((string[])["Smtp", "Submission", "Pop3", "Health"]).ToDictionary(n => n, _ => FreePorts.Next());
        var environment = config["Env"]!.AsArray().Select(v => ((string)v!).Split('=', 2)).ToDictionary(v => v[0], v => v[1]);
        (environment["Edge__Ports__Smtps"], environment["Edge__Ports__Pop3s"]) = ("0", "0"); // no certificate
        (environment["MailStorage"], environment["ServiceBusConnection"]) = (StorageOfNobody, BusOfNobody);
        foreach (var (name, port) in ports)
        {
            environment[$"Edge__Ports__{name}"] = $"{port}";
        }

        var user = ((string)config["User"]!).Split(':');
        await using var edge = ProgramProcess.Start(
            OptionalTool.PathOf("bwrap"),
            [
                "--unshare-all", "--share-net", "--die-with-parent", "--new-session", "--uid", user[0], "--gid", user[1], "--cap-drop",
                "ALL", "--clearenv",
                "--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--chdir", (string)config["WorkingDir"]!,
                .. environment.SelectMany(v => (string[])["--setenv", v.Key, v.Value]), (string)config["Entrypoint"]![0]!,
            ]);

        using var http = new HttpClient();
        for (var started = TimeProvider.System.GetTimestamp(); !edge.HasExited
            && TimeProvider.System.GetElapsedTime(started) < Limit; await Task.Delay(50))
        {
            try
            {
                Assert.Equal("live", await http.GetStringAsync(new Uri($"http://127.0.0.1:{ports["Health"]}/healthz/live")));
                return;
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }
        }

        Assert.Fail($"The edge of the image is not there:\n{string.Join('\n', edge.Output)}\n{string.Join('\n', edge.Errors)}");
    }

    private static string PathOf(TemporaryDirectory directory, JsonNode described) =>
        directory.File(Path.Combine("blobs", ((string)described["digest"]!).Replace(':', '/')));

    private static JsonNode Blob(TemporaryDirectory directory, JsonNode described) =>
        JsonNode.Parse(File.ReadAllText(PathOf(directory, described)))!;

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
