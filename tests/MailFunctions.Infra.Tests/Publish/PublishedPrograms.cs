using System.Diagnostics;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>The tests that need published programs.</summary>
[CollectionDefinition(Name)]
public sealed class PublishedCollection : ICollectionFixture<PublishedPrograms>
{
    public const string Name = "published";
}

/// <summary>Function app and edge, published as they are deployed, and one system of the two: once for all tests.</summary>
public sealed class PublishedPrograms : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);
    private readonly TemporaryDirectory _directory = new();
    private PublishedSystem? _system;

    public string Functions => _directory.File("functions");

    public string Edge => _directory.File("edge");

    public async ValueTask InitializeAsync()
    {
        // The host's half of the Service Bus trigger is for the real host, and its package not served everywhere.
        await PublishAsync("MailFunctions.Functions", Functions, "-p:ServiceBusHostExtension=false");
        await PublishAsync("MailFunctions.Edge", Edge, "-r", "linux-x64", "--self-contained");
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0b111_101_101); // an unprivileged user has to get in
    }

    /// <summary>The running system, started for the first test that asks.</summary>
    public async Task<PublishedSystem> SystemAsync() => _system ??= await PublishedSystem.StartAsync(this);

    private static async Task PublishAsync(string project, string folder, params string[] more)
    {
        var (exitCode, output) = await RunAsync(project, folder, [], more);
        Assert.True(exitCode == 0, $"dotnet publish {project} ended with {exitCode}:\n{output}");
    }

    /// <summary>The command of azd and of the Dockerfiles.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(
        string project, string folder, Dictionary<string, string>? environment = null, params string[] more)
    {
        // Without the analyzers, which change nothing of the package and cost as much as the compiler: the build has run them.
        var start = new ProcessStartInfo(
            "dotnet", ["publish", Path.Combine("src", project), "-c", "Release", "-o", folder, "-v", "q", "-p:RunAnalyzers=false", .. more])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        foreach (var (name, value) in environment ?? [])
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(Limit);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, $"{await output}\n{await errors}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_system is not null)
        {
            await _system.DisposeAsync();
        }

        _directory.Dispose();
    }
}
