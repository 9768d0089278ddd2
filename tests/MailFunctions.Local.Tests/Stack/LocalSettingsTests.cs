using MailFunctions.Local.Stack;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Stack;

/// <summary>What the stack takes from `local.settings.json`.</summary>
public sealed class LocalSettingsTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData("""{"Values": {"MailStorage": "x"}}""", "")]
    [InlineData("""{"Values": {"Relay__Smarthost": "127.0.0.1:2526", "Relay__Tls": "Opportunistic"}}""", "")] // the sample's: the sink
    [InlineData("""{"Values": {"Relay__Smarthost": ""}}""", "")]
    [InlineData(
        """{"Values": {"MailStorage": "x", "Relay__Smarthost": "h.test:25", "Relay__Tls": "None", "Relay__UserName": "", "Relay__SrsKey": "k"}}""",
        "Relay__Smarthost=h.test:25 Relay__Tls=None")]
    public void ReadRelay_File_GivesTheRelaysSettingsWhereItNamesASmarthost(string? json, string expected)
    {
        using var folder = new TemporaryDirectory();
        if (json is not null)
        {
            File.WriteAllText(Path.Combine(folder.Path, "local.settings.json"), json);
        }

        Assert.Equal(expected, string.Join(' ', LocalSettings.ReadRelay(folder.Path).Select(r => $"{r.Key}={r.Value}").Order()));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"Values": {"Relay__Smarthost": 5}}""")]
    public void ReadRelay_NoSuchFile_SaysSo(string json)
    {
        using var folder = new TemporaryDirectory();
        File.WriteAllText(Path.Combine(folder.Path, "local.settings.json"), json);

        Assert.Throws<StackException>(() => LocalSettings.ReadRelay(folder.Path));
    }
}
