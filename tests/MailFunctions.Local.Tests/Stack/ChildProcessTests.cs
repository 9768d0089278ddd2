using MailFunctions.Local.Stack;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Stack;

public sealed class ChildProcessTests
{
    /// <summary>/dev/full refuses every octet, as a full disk does.</summary>
    [Fact]
    public async Task LogOnAFullDisk_TheChildRunsOnAndIsSupervised()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is no /dev/full.");
        using var logs = new TemporaryDirectory();
        File.CreateSymbolicLink(logs.File("talker.log"), "/dev/full");
        var starts = 0;
        await using var child = new ChildProcess(
            new ChildDefinition("talker", "/bin/sh", ["-c", "echo one; echo ready; read end"], new Dictionary<string, string>()),
            logs.Path,
            c => starts += c.Current is null ? 0 : 1);

        await child.StartAsync();
        ProgramProcess.KillHard(child.Current!.Id);
        for (var i = 0; i < 600 && starts < 2; i++)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Equal(2, starts);
    }
}
