using System.Diagnostics;
using System.Net;
using MailFunctions.Azure;
using MailFunctions.Azure.Storage;
using MailFunctions.Infra.Tests.Bicep;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>
/// The published edge where its image would put it: no root, no capability, a file system that can't be written and has
/// no shell, ports above 1024, no HOME and no line in /etc/passwd; and what it asks of storage there is what its identity
/// may do.
/// </summary>
[Collection(PublishedCollection.Name)]
public sealed class PublishedEdgeTests(PublishedPrograms published)
{
    private const string User = "1654";
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromMinutes(1);
    private static readonly string[] PortNames = ["Smtp", "Submission", "Smtps", "Pop3", "Pop3s", "Health"];

    [Fact]
    public async Task Package_UnderTheLocalHost_TakesAndDeliversMail()
    {
        var system = await published.SystemAsync();
        var worker = File.ReadAllText($"/proc/{system.Stack.Processes["functions"]}/cmdline").Split('\0');
        Assert.Contains(Path.Combine(published.Functions, "MailFunctions.Functions.dll"), worker);

        await system.FetchAsync(system.Stack.Pop3, await system.SendAsync(system.Stack.Smtp, submission: false));
    }

    [ToolFact("bwrap")]
    public async Task Edge_InAReadOnlyNamespaceWithoutRights_ServesMail_AndTouchesOnlyWhatItMay()
    {
        var system = await published.SystemAsync();
        var environment = system.EdgeEnvironment().Where(v => v.Key.StartsWith("Edge__", StringComparison.Ordinal)
            || v.Key.StartsWith("Tls__", StringComparison.Ordinal) || v.Key.StartsWith("MailStorage", StringComparison.Ordinal)
            || v.Key.StartsWith("ServiceBus", StringComparison.Ordinal)
                || v.Key.EndsWith("Queue", StringComparison.Ordinal)).ToDictionary();
        var ports = PortNames.ToDictionary(name => name, _ => FreePorts.Next());
        foreach (var (name, port) in ports)
        {
            environment[$"Edge__Ports__{name}"] = $"{port}";
        }

        await using var blobs = await StorageWatch.StartAsync(Endpoint(environment[StorageOptions.Key], "BlobEndpoint"));
        await using var tables = await StorageWatch.StartAsync(Endpoint(environment[StorageOptions.Key], "TableEndpoint"));
        environment[StorageOptions.Key] = environment[StorageOptions.Key]
            .Replace($":{Endpoint(environment[StorageOptions.Key], "BlobEndpoint").Port}/", $":{blobs.Port}/", StringComparison.Ordinal)
            .Replace($":{Endpoint(environment[StorageOptions.Key], "TableEndpoint").Port}/", $":{tables.Port}/", StringComparison.Ordinal);
        using var readable = CopyOfCertificate(environment);
        await using (var edge = ProgramProcess.Start(OptionalTool.PathOf("bwrap"), Namespace(environment, readable.Path)))
        {
            await WaitUntilReadyAsync(edge, ports["Health"]);
            AssertUnprivileged(edge.Id);

            await system.FetchAsync(ports["Pop3"], await system.SendAsync(ports["Smtp"], submission: false));
            await system.FetchAsync(ports["Pop3"], await system.SendAsync(ports["Submission"], submission: true));
            await system.SendAsync(ports["Smtp"], submission: false);
            blobs.LosesEverything = true;
            await system.FailToFetchAsync(ports["Pop3"]);
            StopInside(edge.Id);
            await edge.WaitForExitAsync(TimeSpan.FromMinutes(1)); // whatever it keeps for later, it writes now
        }

        Assert.Equal(EdgeTables.Writes.Order(), tables.Written.Keys.Union(tables.Deleted.Keys).Order());
        Assert.Equal(EdgeTables.Reads.Order(), tables.Read.Keys.Except(EdgeTables.Writes).Order());
        Assert.Empty(blobs.Deleted);
        Assert.Equal(StorageSetup.Containers, blobs.Read.Keys.Concat(blobs.Written.Keys).Distinct());
    }

    private IEnumerable<string> Namespace(Dictionary<string, string> environment, string certificates) =>
    [
        "--unshare-all", "--share-net", "--die-with-parent", "--new-session", "--uid", User, "--gid", User, "--cap-drop", "ALL",
        "--clearenv",
        "--ro-bind", "/usr/lib", "/usr/lib", "--symlink", "usr/lib", "/lib", "--ro-bind-try", "/usr/lib64", "/usr/lib64", "--symlink",
        "usr/lib64", "/lib64",
        "--ro-bind", published.Edge, "/app", "--ro-bind", certificates, "/mnt/tls", "--proc", "/proc", "--dev", "/dev",
        "--remount-ro", "/", "--chdir", "/app",
        "--setenv", "DOTNET_EnableDiagnostics", "0",
        .. environment.SelectMany(v => (string[])["--setenv", v.Key, v.Value]),
        "/app/MailFunctions.Edge",
    ];

    /// <summary>Its own user alone may read the stack's; the edge in the namespace is another.</summary>
    private static TemporaryDirectory CopyOfCertificate(Dictionary<string, string> environment)
    {
        var copy = new TemporaryDirectory();
        File.SetUnixFileMode(copy.Path, (UnixFileMode)0b111_101_101);
        foreach (var key in (string[])["Tls__CertificatePath", "Tls__KeyPath"])
        {
            var file = copy.File(Path.GetFileName(environment[key]));
            File.Copy(environment[key], file);
            File.SetUnixFileMode(file, (UnixFileMode)0b110_100_100);
            environment[key] = "/mnt/tls/" + Path.GetFileName(file);
        }

        return copy;
    }

    private static Uri Endpoint(string connection, string name) =>
        new(connection.Split(';').Single(p => p.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..]);

    private static async Task WaitUntilReadyAsync(ProgramProcess edge, int port)
    {
        using var http = new HttpClient();
        using var limit = new CancellationTokenSource(ReadyLimit);
        while (!edge.HasExited)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/healthz/ready"), limit.Token);
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }

            await Task.Delay(50, limit.Token);
        }

        Assert.Fail($"The edge ended with {edge.ExitCode}:\n{string.Join('\n', edge.Output)}\n{string.Join('\n', edge.Errors)}");
    }

    private static void AssertUnprivileged(int bwrap)
    {
        var status = File.ReadAllLines($"/proc/{EdgeInside(bwrap)}/status");
        Assert.Contains("CapEff:\t0000000000000000", status);
        Assert.Contains("NoNewPrivs:\t1", status);
        Assert.DoesNotContain("HOME=", File.ReadAllText($"/proc/{EdgeInside(bwrap)}/environ"), StringComparison.Ordinal);
        var root = $"/proc/{EdgeInside(bwrap)}/root";
        Assert.Empty((string[])[.. ((string[])["/bin/sh", "/usr/bin", "/bin"]).Where(p => Path.Exists(root + p))]);
        Assert.Contains(
            File.ReadLines($"/proc/{EdgeInside(bwrap)}/mountinfo").Select(line => line.Split(' ')),
            fields => fields[4] == "/" && fields[5].Split(',').Contains("ro"));
    }

    /// <summary>SIGTERM for the edge itself: bwrap hands none on.</summary>
    private static void StopInside(int bwrap) => ProgramProcess.Terminate(EdgeInside(bwrap));

    private static int EdgeInside(int bwrap) =>
        Process.GetProcessesByName("MailFunctions.E").Concat(Process.GetProcessesByName("MailFunctions.Edge"))
        .Select(p => p.Id).First(id => Ancestors(id).Contains(bwrap));

    private static IEnumerable<int> Ancestors(int id)
    {
        while (id > 1)
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            id = int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
            yield return id;
        }
    }
}
