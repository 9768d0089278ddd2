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

/// <summary>Function app and edge, published as they are deployed, once for all tests.</summary>
public sealed class PublishedPrograms : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);
    private readonly TemporaryDirectory _directory = new();

    public string Functions => _directory.File("functions");

    /// <summary>What Azure is given of it.</summary>
    public string FunctionsZip => _directory.File("functions.zip");

    public string Edge => _directory.File("edge");

    public async ValueTask InitializeAsync()
    {
        await PublishAsync("MailFunctions.Functions", Functions, $"-p:PackageZip={FunctionsZip}");
        await PublishAsync("MailFunctions.Edge", Edge);
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0b111_101_101); // an unprivileged user has to get in
    }

    /// <summary>The command of functions-package.sh and of the Dockerfile.</summary>
    private static async Task PublishAsync(string project, string folder, params string[] more)
    {
        var start = new ProcessStartInfo("dotnet", ["publish", Path.Combine("src", project), "-c", "Release", "-r", "linux-x64", "--self-contained", "-o", folder, "-v", "q", .. more])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(Limit);
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, $"dotnet publish {project} ended with {process.ExitCode}:\n{await output}\n{await errors}");
    }

    public ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
