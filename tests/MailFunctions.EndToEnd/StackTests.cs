using System.Text;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>Stopping and starting again, by hand and by accident, as the newcomer sees it.</summary>
public sealed class StackTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Restart_OnTheSameDirectory_FindsAllMail()
    {
        await using var stack = await StackProcess.StartAsync();
        var before = stack.Read();
        await MailDialogs.SendAsync(before.Smtp, before.Bob.Address, "Subject: kept\r\n\r\nkept\r\n"u8.ToArray());
        await MailDialogs.WaitForMailAsync(before, before.Bob, 1);

        await stack.RestartAsync();

        var after = stack.Read();
        Assert.Equal(before.Bob.Password, after.Bob.Password);
        Assert.Equal(1, await MailDialogs.CountAsync(after, after.Bob));
        var (content, _) = await MailDialogs.RetrieveAsync(after, after.Bob, 1);
        Assert.EndsWith("\r\n\r\nkept\r\n", Encoding.ASCII.GetString(content), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_BySigterm_LeavesNoProcessAndFreesThePorts()
    {
        await using var stack = await StackProcess.StartAsync();
        var running = stack.Read();
        Assert.Equal(["azurite", "bus", "edge", "functions", "host", "sink"], running.Processes.Keys.Order());
        Assert.All(running.Processes.Values, id => Assert.True(ProgramProcess.IsRunning(id)));

        stack.Process.Terminate();
        Assert.Equal(0, await stack.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));

        Assert.All(running.Processes, p => Assert.False(ProgramProcess.IsRunning(p.Value), $"{p.Key} still runs."));
        Assert.False(File.Exists(Path.Combine(stack.Data, "stack.json")));
    }

    [Fact]
    public async Task Start_AfterTheStackItselfWasKilled_EndsWhatItLeftAndGoesOn()
    {
        await using var stack = await StackProcess.StartAsync();
        var before = stack.Read();
        await MailDialogs.SendAsync(before.Smtp, before.Bob.Address, "Subject: kept\r\n\r\nkept\r\n"u8.ToArray());
        await MailDialogs.WaitForMailAsync(before, before.Bob, 1);
        stack.Process.KillHard();
        await stack.Process.WaitForExitAsync(Limit);

        await stack.RestartAsync();

        Assert.All(before.Processes, p => Assert.False(ProgramProcess.IsRunning(p.Value), $"{p.Key} still runs."));
        Assert.Equal(1, await MailDialogs.CountAsync(stack.Read(), stack.Read().Bob));
    }

    /// <summary>The stack can't end them then, and nothing asks it to clear up before the next start.</summary>
    [Fact]
    public async Task Kill_OfTheStackItself_EndsItsProcesses()
    {
        await using var stack = await StackProcess.StartAsync();
        var running = stack.Read().Processes;

        stack.Process.KillHard();

        for (var i = 0; i < 300 && running.Values.Any(ProgramProcess.IsRunning); i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.All(running, p => Assert.False(ProgramProcess.IsRunning(p.Value), $"{p.Key} still runs."));
    }

    [Fact]
    public async Task KeysMissingBesideAccounts_TheAccountsGetThePasswordsThatArePrinted()
    {
        await using var stack = await StackProcess.StartAsync();
        var before = stack.Read();
        await MailDialogs.SendAsync(before.Smtp, before.Bob.Address, "Subject: kept\r\n\r\nkept\r\n"u8.ToArray());
        await MailDialogs.WaitForMailAsync(before, before.Bob, 1);

        await stack.RestartAsync(() => File.Delete(Path.Combine(stack.Data, "keys.json")));

        var after = stack.Read();
        Assert.NotEqual(before.Bob.Password, after.Bob.Password);
        Assert.Equal(1, await MailDialogs.CountAsync(after, after.Bob));
        Assert.Contains(stack.Process.Output, l => l.EndsWith(
            "keys.json was missing: alice@example.test and bob@example.test got the new passwords below.", StringComparison.Ordinal));
    }

    /// <summary>As on a full disk: its own files can't be written, and the stack supervises all the same.</summary>
    [Fact]
    public async Task FilesThatCantBeWritten_TheStackRunsOnAndCatchesUp()
    {
        await using var stack = await StackProcess.StartAsync();
        var edge = stack.Read().Processes["edge"];
        string[] inTheWay = [Path.Combine(stack.Data, "stack.json.new"), Path.Combine(stack.Data, "processes.json.new")];
        Array.ForEach(inTheWay, d => Directory.CreateDirectory(d));

        ProgramProcess.KillHard(edge);
        for (var i = 0; i < 600 && stack.Process.Errors.Count == 0; i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Contains("can't be written", Assert.Single(stack.Process.Errors), StringComparison.Ordinal);
        Array.ForEach(inTheWay, Directory.Delete);
        await stack.WaitForNewProcessAsync("edge", edge);
    }
}
