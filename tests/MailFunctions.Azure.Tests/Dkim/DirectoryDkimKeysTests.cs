using MailFunctions.Azure.Dkim;
using MailFunctions.Core.Messages;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Azure.Tests.Dkim;

/// <summary>Private keys as files.</summary>
public sealed class DirectoryDkimKeysTests : IDisposable
{
    private readonly TemporaryDirectory _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task Put_AKey_ReadsBackAndIsTheOwnersAlone()
    {
        var keys = DkimKeyStores.InDirectory(_home.File("keys"));
        Assert.Null(await keys.FindAsync("dkim-a", Token)); // not even the directory is there
        await keys.DeleteAsync("dkim-a", Token);

        await keys.PutAsync("dkim-a", "pem", Token);

        Assert.Equal("pem", await keys.FindAsync("dkim-a", Token));
        Assert.Equal(["dkim-a.pem"], System.IO.Directory.GetFiles(_home.File("keys")).Select(Path.GetFileName));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_home.File("keys/dkim-a.pem")));
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_home.File("keys")));
        }
    }

    [Fact]
    public async Task Delete_AKey_LeavesTheOthers()
    {
        var keys = DkimKeyStores.InDirectory(_home.Path);
        await keys.PutAsync("dkim-a", "a", Token);
        await keys.PutAsync("dkim-b", "b", Token);

        await keys.DeleteAsync("dkim-a", Token);
        await keys.DeleteAsync("dkim-a", Token);

        Assert.Null(await keys.FindAsync("dkim-a", Token));
        Assert.Equal("b", await keys.FindAsync("dkim-b", Token));
    }

    [Theory]
    [InlineData("")]
    [InlineData("../dkim-a")]
    [InlineData("a/b")]
    [InlineData("a.pem")]
    public async Task AnyCall_ANameThatLeadsElsewhere_IsRefused(string name)
    {
        var keys = DkimKeyStores.InDirectory(_home.Path);

        await Assert.ThrowsAsync<ArgumentException>(() => keys.PutAsync(name, "pem", Token));
        await Assert.ThrowsAsync<ArgumentException>(() => keys.FindAsync(name, Token));
        await Assert.ThrowsAsync<ArgumentException>(() => keys.DeleteAsync(name, Token));
    }

    [Fact]
    public async Task Put_IntoADirectoryThatIsNone_IsUnavailable()
    {
        await File.WriteAllTextAsync(_home.File("file"), "", Token);
        var keys = DkimKeyStores.InDirectory(_home.File("file"));

        await Assert.ThrowsAsync<StoreUnavailableException>(() => keys.PutAsync("dkim-a", "pem", Token));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;
}
