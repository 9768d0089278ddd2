using System.Globalization;
using System.Text.RegularExpressions;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>The commands of the README, as they stand there.</summary>
public sealed partial class ReadmeTests(SharedStack shared)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private static readonly List<string> Commands = [.. Block()
        .Matches(File.ReadAllText(Path.Combine(Repository.Root, "README.md")))
        .SelectMany(block => block.Groups["lines"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries))];

    [Fact]
    public void EveryCommand_IsRunByATestHere() =>
        Assert.All(Commands, line => Assert.Contains(
            line.Split(' ')[0], (string[])["dotnet", "swaks", "printf", "curl", "azd", "alias", "admin"]));

    [Fact]
    public async Task TheFirstCommand_RunsTheMainJob()
    {
        using var data = new TemporaryDirectory();
        var line = Command("dotnet run");

        // Built by whoever runs the tests; the rest of the line is the comment, which says of `--check` what is done here.
        var check = $"{line.Split('#')[0].Trim()} --no-build -- --check --data {data.Path} --port-offset {StackProcess.FreeOffset()}";

        Assert.Contains("`-- --check`", line, StringComparison.Ordinal);
        Assert.EndsWith("Check passed.", await RunAsync(check), StringComparison.Ordinal);
    }

    /// <summary>A test can't run all tests: that they run by this line is what the check of each pull request shows.</summary>
    [Fact]
    public void TheSecondCommand_IsTheOneOfThePullRequests()
    {
        var line = Command("dotnet test").Split('#')[0].Trim();

        Assert.Contains(
            File.ReadLines(Path.Combine(Repository.Root, ".ci", "run")), l => l.StartsWith(line + " ", StringComparison.Ordinal));
    }

    [ToolFact("swaks", "curl")]
    public async Task WhatIsToBeTried_SendsAndFetches()
    {
        var bob = await shared.CreateAccountAsync();
        await RunAsync(OnThisStack(Command("swaks"), bob));
        await RunAsync(OnThisStack(Command("printf"), bob));

        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 2);
        Assert.Contains("Subject:", await RunAsync(OnThisStack(Command("curl"), bob)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheFirstDayOfAPostmaster_GoesAsItStandsThere()
    {
        var (unique, bob) = (Guid.NewGuid().ToString("N")[..8], await shared.CreateAccountAsync());
        Assert.StartsWith("250", await MailDialogs.SendAsync(shared.Stack.Smtp, bob.Address, "Subject: x\r\n\r\nx\r\n"u8.ToArray()),
            StringComparison.Ordinal);
        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 1);
        using var files = new TemporaryDirectory();
        Assert.Equal("alias admin='dotnet run --no-build --project src/MailFunctions.Local -- admin'", Command("alias"));
        var said = new List<string>();
        foreach (var line in Commands.Where(l => l.StartsWith("admin ", StringComparison.Ordinal)))
        {
            var mine = line
                .Replace("example.org", unique + ".test", StringComparison.Ordinal)
                .Replace("bob@example.test", bob.Address, StringComparison.Ordinal)
                .Replace("bob.mbox", files.File("bob.mbox"), StringComparison.Ordinal);
            said.Add(await RunAsync(
                $"'{Repository.ProgramOf("MailFunctions.Local")}' {mine} --url {shared.Stack.AdminUrl} --key {shared.Stack.AdminKey}"));
        }

        Assert.True(said.Count > 12);
        Assert.Contains("1 imported, 0 skipped, 0 refused.", said);
        Assert.Contains(
            said, s => s.Contains($"carol@{unique}.test", StringComparison.Ordinal) && s.Contains("Carol", StringComparison.Ordinal));
        Assert.Contains(said, s => s.Contains("accepted", StringComparison.Ordinal) && s.Contains(bob.Address, StringComparison.Ordinal));
    }

    private string OnThisStack(string line, AccountJson bob) => line
        .Replace("bob@example.test", bob.Address, StringComparison.Ordinal)
        .Replace("PASSWORD", bob.Password, StringComparison.Ordinal)
        .Replace(":2525", Port(shared.Stack.Smtp), StringComparison.Ordinal)
        .Replace(":2110", Port(shared.Stack.Pop3), StringComparison.Ordinal);

    private static string Command(string start) => Assert.Single(Commands, l => l.StartsWith(start, StringComparison.Ordinal));

    private static string Port(int port) => ":" + port.ToString(CultureInfo.InvariantCulture);

    /// <summary>A line of a shell, at the root of the repository; what it said on standard output.</summary>
    private static async Task<string> RunAsync(string line)
    {
        await using var shell = ProgramProcess.Start(
            "sh", ["-c", $"cd '{Repository.Root}' && {line}"], new Dictionary<string, string?> { ["MSBUILDDISABLENODEREUSE"] = "1" });
        Assert.True(
            await shell.WaitForExitAsync(Limit) == 0,
            $"{line}\nended with {shell.ExitCode}:\n{string.Join('\n', shell.Errors)}\n{string.Join('\n', shell.Output)}");
        return string.Join('\n', shell.Output);
    }

    [GeneratedRegex(@"^```sh\n(?<lines>.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();
}
