using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Admin;

/// <summary>Which system a command is for.</summary>
public sealed class AdminTargetTests
{
    [Theory]
    [InlineData("No stack runs on", "--data", "/nowhere/at/all")]
    [InlineData("--url 'example.net': use an address", "--url", "example.net", "--key", "k")]
    [InlineData("--url 'http://app.example.net': use https", "--url", "http://app.example.net", "--key", "k")]
    [InlineData("http://127.0.0.1:1 can't be reached", "--url", "http://127.0.0.1:1", "--key", "k")]
    public async Task Target_ThatIsNone_IsNamed(string expected, params string[] options)
    {
        var (code, _, errors) = await StubApi.InvokeAsync(["domains", "list", .. options]);

        Assert.Equal(1, code);
        Assert.StartsWith(expected, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_ThatIsWrong_IsSaid()
    {
        await using var api = await StubApi.StartAsync();

        var (code, _, errors) = await StubApi.InvokeAsync(["domains", "list", "--url", api.Url, "--key", "wrong"]);

        Assert.Equal((1, "The key is missing or wrong (401)."), (code, errors.TrimEnd()));
    }

    [Fact]
    public async Task Azd_SaysWhereTheSystemIsAndAzWhatItsKeyIs()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The stand-ins for azd and az are shell scripts.");
        await using var api = await StubApi.StartAsync();
        using var programs = new TemporaryDirectory();
        Script(
            "azd",
            $"""[ "$*" = "env get-values -e mail" ] || exit 1; printf 'SERVICE_FUNCTIONS_URI="{api.Url}"\nSERVICE_FUNCTIONS_NAME="func"\nAZURE_RESOURCE_GROUP="rg-mail"\n'""");
        Script(
            "az",
            $"""[ "$*" = "functionapp keys list --resource-group rg-mail --name func --query functionKeys.default --output tsv" ] && echo {StubApi.Key}""");

        await using var command = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"), ["admin", "domains", "show", "example.test", "--azd", "mail"],
            new Dictionary<string, string?> { ["PATH"] = $"{programs.Path}:/usr/bin:/bin", ["MAILFUNCTIONS_ADMIN_KEY"] = null });
        await command.WaitForExitAsync(TimeSpan.FromMinutes(1));

        Assert.Equal(("", 0), (string.Join('\n', command.Errors), command.ExitCode));
        Assert.Equal(["GET /api/domains/example.test"], api.Asked);

        await using var other = ProgramProcess.Start(
            Repository.ProgramOf("MailFunctions.Local"), ["admin", "domains", "list", "--azd", "other"],
            new Dictionary<string, string?> { ["PATH"] = $"{programs.Path}:/usr/bin:/bin" });
        await other.WaitForExitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(1, other.ExitCode);
        Assert.StartsWith("`azd env get-values -e other` failed", string.Join('\n', other.Errors), StringComparison.Ordinal);

        void Script(string name, string body)
        {
            File.WriteAllText(programs.File(name), "#!/bin/sh\n" + body + "\n");
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(programs.File(name), UnixFileMode.UserRead | UnixFileMode.UserExecute);
            }
        }
    }
}
