using System.Net;
using System.Net.Sockets;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>Starting, and what is in the way of it, as the newcomer sees it.</summary>
public sealed class StackStartTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task DamagedFileOfAzurite_IsNamedWithTheWayOut()
    {
        using var data = new TemporaryDirectory();
        Directory.CreateDirectory(data.File("azurite"));
        await File.WriteAllTextAsync(
            data.File("azurite/__azurite_db_table__.json"), "{\"filename\": \"/x", TestContext.Current.CancellationToken);
        await using var stack = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"), ["--data", data.Path, "--port-offset", $"{StackProcess.FreeOffset()}"]);

        Assert.Equal(1, await stack.WaitForExitAsync(Limit));

        Assert.StartsWith($"{data.File("azurite/__azurite_db_table__.json")} is damaged, so Azurite can't start: ",
            Assert.Single(stack.Errors), StringComparison.Ordinal);
    }

    /// <summary>In /proc no file can be made, which is what a read-only disk says too.</summary>
    [Fact]
    public async Task Start_OnADirectoryThatCantBeWritten_DoesNotSpeakOfAnotherStack()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is no /proc.");
        await using var stack = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"), ["--data", "/proc/self", "--port-offset", $"{StackProcess.FreeOffset()}"]);

        Assert.Equal(1, await stack.WaitForExitAsync(Limit));

        Assert.StartsWith("The data directory /proc/self can't be used: ", Assert.Single(stack.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_ByDotnetAndTheDll_Works()
    {
        using var data = new TemporaryDirectory();
        await using var stack = ProgramProcess.Start(
            "dotnet",
            [Repository.ProgramOf("MailFunctions.Local") + ".dll", "--data", data.Path, "--port-offset", $"{StackProcess.FreeOffset()}"]);

        await stack.WaitForLineAsync("Ready", TimeSpan.FromSeconds(90));
    }

    [Fact]
    public async Task TwoStacks_WithTheirOwnDirectoryAndOffset_DoNotSeeEachOther()
    {
        await using var one = await StackProcess.StartAsync();
        await using var two = await StackProcess.StartAsync();
        var (a, b) = (one.Read(), two.Read());

        await MailDialogs.SendAsync(a.Smtp, a.Bob.Address, "Subject: one\r\n\r\none\r\n"u8.ToArray());
        await MailDialogs.WaitForMailAsync(a, a.Bob, 1);

        Assert.Equal(0, await MailDialogs.CountAsync(b, b.Bob));
        Assert.NotEqual(a.Bob.Password, b.Bob.Password);
        Assert.NotEqual(a.AdminKey, b.AdminKey);
    }

    [Fact]
    public async Task Check_OnAFreshDirectory_SaysWhatItSentAndExitsWith0()
    {
        using var data = new TemporaryDirectory();
        await using var check = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"), ["--data", data.Path, "--port-offset", $"{StackProcess.FreeOffset()}", "--check"]);

        Assert.Equal(0, await check.WaitForExitAsync(Limit));

        Assert.Contains(check.Output, l => l.StartsWith("Sent \"Check ", StringComparison.Ordinal));
        Assert.Contains(check.Output, l => l.StartsWith("POP3 showed it to bob@example.test after ", StringComparison.Ordinal));
        Assert.Equal("Check passed.", check.Output[^1]);
    }

    [Fact]
    public async Task Start_WithAPortInUse_SaysWhichAndExitsWith1()
    {
        var offset = StackProcess.FreeOffset();
        using var taken = new TcpListener(IPAddress.Loopback, 2525 + offset);
        taken.Start();

        var (exitCode, errors) = await StartAndFailAsync(offset, new Dictionary<string, string?>());

        Assert.Equal(1, exitCode);
        Assert.Equal(
            $"Port {2525 + offset} (SMTP) is in use: end the program that has it, or start with another --port-offset.",
            Assert.Single(errors));
    }

    [Fact]
    public async Task Start_WithoutNode_SaysWhatToInstallAndExitsWith1()
    {
        var (exitCode, errors) =
            await StartAndFailAsync(StackProcess.FreeOffset(), new Dictionary<string, string?> { ["PATH"] = "/nonexistent" });

        Assert.Equal(1, exitCode);
        Assert.Equal(
            "Node.js was not found on the PATH: install version 20 or later (it runs Azurite, the storage emulator).",
            Assert.Single(errors));
    }

    [Fact]
    public async Task Start_OnADirectoryInUse_SaysSoAndExitsWith1()
    {
        await using var stack = await StackProcess.StartAsync();
        await using var second = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"), ["--data", stack.Data, "--port-offset", $"{StackProcess.FreeOffset()}"]);

        Assert.Equal(1, await second.WaitForExitAsync(Limit));

        Assert.Contains("Another stack runs on", Assert.Single(second.Errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"version\": \"2.0\", ", "host.json is not JSON: line 1")]
    [InlineData("{ \"version\": \"1.0\" }", "host.json: \"version\" has to be \"2.0\".")]
    [InlineData(null, "host.json is missing.")]
    public async Task Start_WithABrokenHostJson_SaysWhatIsWrongAndLeavesNothingRunning(string? hostJson, string expected)
    {
        using var copy = new TemporaryDirectory();
        foreach (var project in (string[])["MailFunctions.Local", "MailFunctions.Edge", "MailFunctions.Functions"])
        {
            Copy(Repository.OutputOf(project), Path.Combine(copy.Path, project, "debug"));
        }

        Directory.CreateSymbolicLink(Path.Combine(copy.Path, "node_modules"), Path.Combine(Repository.Root, "node_modules"));
        var host = Path.Combine(copy.Path, "MailFunctions.Functions", "debug", "host.json");
        if (hostJson is null)
        {
            File.Delete(host);
        }
        else
        {
            await File.WriteAllTextAsync(host, hostJson, TestContext.Current.CancellationToken);
        }

        using var data = new TemporaryDirectory();
        await using var stack = ProgramProcess.Start(
            Path.Combine(copy.Path, "MailFunctions.Local", "debug", "MailFunctions.Local"),
            ["--data", data.Path, "--port-offset", $"{StackProcess.FreeOffset()}"]);

        Assert.Equal(1, await stack.WaitForExitAsync(Limit));

        Assert.StartsWith(expected, Assert.Single(stack.Errors), StringComparison.Ordinal);
        Assert.Equal("{}", (await File.ReadAllTextAsync(data.File("processes.json"), TestContext.Current.CancellationToken)).Trim());
    }

    /// <summary>The build has no half of the Service Bus trigger for the real host, which would leave the mail in the queue.</summary>
    [Fact]
    public async Task Start_WithCoreToolsAndAnAppThatTheyCannotRun_SaysWhatToDo()
    {
        using var data = new TemporaryDirectory();
        await using var stack = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"),
            ["--data", data.Path, "--port-offset", $"{StackProcess.FreeOffset()}", "--functions-host", "func"]);

        Assert.Equal(1, await stack.WaitForExitAsync(Limit));
        Assert.Contains("lacks the host's half of the Service Bus trigger, which func needs: run `dotnet publish",
            Assert.Single(stack.Errors), StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, IReadOnlyList<string> Errors)> StartAndFailAsync(
        int offset, IReadOnlyDictionary<string, string?> environment)
    {
        using var data = new TemporaryDirectory();
        await using var stack = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"), ["--data", data.Path, "--port-offset", $"{offset}"], environment);
        return (await stack.WaitForExitAsync(Limit), stack.Errors);
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
