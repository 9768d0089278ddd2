using System.Text.Json;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>Thunderbird itself under a display of its own, with the settings of docs/clients.md.</summary>
public sealed class ThunderbirdTests(SharedStack shared) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>No welcome, no updates, and nothing of its own goes anywhere: HTTP has a proxy that is not there.</summary>
    private static readonly Dictionary<string, object> Preferences = new()
    {
        ["app.update.enabled"] = false,
        ["datareporting.policy.dataSubmissionEnabled"] = false,
        ["mail.provider.suppress_dialog_on_startup"] = true,
        ["mailnews.start_page.enabled"] = false,
        ["network.proxy.type"] = 1,
        ["network.proxy.http"] = "127.0.0.1",
        ["network.proxy.http_port"] = 1,
        ["network.proxy.ssl"] = "127.0.0.1",
        ["network.proxy.ssl_port"] = 1,
    };

    private static readonly string Script =
        File.ReadAllText(Path.Combine(Repository.Root, "tests", "MailFunctions.EndToEnd", "thunderbird.js"));

    private readonly TemporaryDirectory _profile = new();
    private readonly CancellationTokenSource _limit = new(Limit);

    public void Dispose()
    {
        _limit.Dispose();
        _profile.Dispose();
    }

    [ToolFact("thunderbird", "Xvfb")]
    public Task ByTls_SendsFetchesAndLeavesOnTheServer_AndTwoWrongPasswordsLockNobodyOut() =>
        WalkAsync(shared.Stack.Pop3s, shared.Stack.Smtps, starttls: false);

    [ToolFact("thunderbird", "Xvfb")]
    public Task ByStartTls_SendsFetchesAndLeavesOnTheServer_AndTwoWrongPasswordsLockNobodyOut() =>
        WalkAsync(shared.Stack.Pop3, shared.Stack.Submission, starttls: true);

    private async Task WalkAsync(int pop3, int smtp, bool starttls)
    {
        var (bob, port) = (await shared.CreateAccountAsync(), FreePorts.Next());
        await File.WriteAllLinesAsync(
            _profile.File("user.js"),
            Preferences.Append(new("marionette.port", port)).Select(p => $"user_pref(\"{p.Key}\", {JsonSerializer.Serialize(p.Value)});"),
            _limit.Token);
        await using var display = ProgramProcess.Start(OptionalTool.PathOf("Xvfb"), ["-displayfd", "1", "-screen", "0", "1280x800x24"]);
        while (display.Output.Count == 0)
        {
            await Task.Delay(50, _limit.Token);
        }

        await using var thunderbird = ProgramProcess.Start(
            OptionalTool.PathOf("thunderbird"),
            ["--profile", _profile.Path, "--no-remote", "--marionette", "--remote-allow-system-access"],
            new Dictionary<string, string?> { ["DISPLAY"] = ":" + display.Output[0], ["HOME"] = _profile.Path });
        using var marionette = await Marionette.ConnectAsync(port, _limit.Token);

        await StepAsync(marionette, "importAuthority", new { certificate = Authority() });
        var key = (await StepAsync(marionette, "addAccount", new { user = bob.Address, password = bob.Password, pop3, smtp, starttls }))
            .GetString();
        var sent = await StepAsync(marionette, "send", new { key, user = bob.Address, to = bob.Address, subject = "to-myself" });
        Assert.True(sent.GetProperty("succeeded").GetBoolean(), sent.ToString());
        await MailDialogs.WaitForMailAsync(shared.Stack, bob, 1);

        await FetchAsync(marionette, key, succeeds: true);
        await FetchAsync(marionette, key, succeeds: true); // left on the server, and not fetched twice
        Assert.Equal(1, await MailDialogs.CountAsync(shared.Stack, bob));

        // One wrong password is three failures here: PLAIN, LOGIN, USER and PASS.
        foreach (var password in (string[])["wrong one", "wrong two"])
        {
            await StepAsync(marionette, "password", new { key, password });
            await FetchAsync(marionette, key, succeeds: false);
        }

        await StepAsync(marionette, "password", new { key, password = bob.Password });
        await FetchAsync(marionette, key, succeeds: true);
    }

    private async Task FetchAsync(Marionette marionette, string? key, bool succeeds)
    {
        var fetched = await StepAsync(marionette, "fetch", new { key });

        Assert.True(fetched.GetProperty("succeeded").GetBoolean() == succeeds, fetched.ToString());
        Assert.Equal(succeeds ? 0 : 1, fetched.GetProperty("asked").GetInt32());
        Assert.Equal(["to-myself"], fetched.GetProperty("subjects").EnumerateArray().Select(s => s.GetString()!));
    }

    private Task<JsonElement> StepAsync(Marionette marionette, string step, object settings) =>
        marionette.RunAsync(Script, [step, settings], _limit.Token);

    private string Authority() => string.Concat(
        File.ReadLines(shared.Stack.CertificateAuthority).Where(l => !l.StartsWith("-----", StringComparison.Ordinal)));
}
