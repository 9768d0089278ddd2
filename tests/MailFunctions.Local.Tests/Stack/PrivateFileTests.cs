using MailFunctions.Local.Stack;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Stack;

public sealed class PrivateFileTests
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Everybody =
        OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    [Fact]
    public void DataDirectory_IsItsOwnersAlone_AlsoOneThatAnOlderVersionMade_AndNoOtherIsTouched()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no such modes.");
            return; // the platform analyzer does not know that a skip throws
        }

        using var parent = new TemporaryDirectory();
        var (fresh, older, foreign) = (parent.File("fresh"), parent.File("older"), parent.File("foreign"));
        Directory.CreateDirectory(older, Everybody);
        File.WriteAllText(Path.Combine(older, "keys.json"), "{}");
        Directory.CreateDirectory(foreign, Everybody);

        foreach (var path in (string[])[fresh, older, foreign])
        {
            PrivateFile.CreateDirectory(path);
        }

        Assert.Equal(OwnerOnly, File.GetUnixFileMode(fresh));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(older));
        Assert.Equal(Everybody, File.GetUnixFileMode(foreign));
    }
}
