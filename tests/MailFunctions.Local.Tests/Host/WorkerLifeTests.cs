using System.Net;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Host;

/// <summary>The worker's process: its starts and ends, timers, and files that are wrong.</summary>
public sealed class WorkerLifeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Worker_ThatFailsThreeTimes_EndsTheHostAndItsReasonIsLogged()
    {
        await using var app = new TestedApp("Open").Set("WORKER_EXITS", "7");

        app.Start();

        Assert.Equal(1, await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(3, app.Started().Count);
        Assert.Equal(3, app.Process.Output.Count(l => l.EndsWith("| It can't start.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Worker_ThatIsKilled_IsStartedAgainAndCallsGoOn()
    {
        await using var app = await new TestedApp("Open").StartAsync();
        ProgramProcess.KillHard(app.Started()[0]);

        await TestedApp.UntilAsync(() => app.Started().Count == 2, "a second worker");
        using var answer = await app.Http.GetAsync(app.Address("/api/open"), Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Worker_WhoseHostIsKilled_EndsToo()
    {
        await using var app = await new TestedApp("Open").StartAsync();
        var worker = app.Started()[0];
        Assert.True(ProgramProcess.IsRunning(worker));

        app.Process.KillHard();

        await TestedApp.UntilAsync(() => !ProgramProcess.IsRunning(worker), "the worker ends");
    }

    [Fact]
    public async Task Worker_WhenTheHostStops_IsAskedToEndAndDoes()
    {
        await using var app = await new TestedApp("Open").StartAsync();

        app.Process.Terminate();

        Assert.Equal(0, await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(20)));
        // its own way to the end, and no kill
        Assert.Equal(app.Started(), app.Noted("ended").Select(e => e.GetProperty("ended").GetInt32()));
    }

    [Fact]
    public async Task Timer_BySchedule_RunsAndSaysWhenItRanLast()
    {
        await using var app = await new TestedApp("Tick").Set("TICK", "*/1 * * * * *").StartAsync();

        await TestedApp.UntilAsync(() => app.Calls("Tick").Count >= 3, "three runs");

        var timers = app.Calls("Tick").Select(c => c.GetProperty("timer")).ToList();
        Assert.False(timers[^1].GetProperty("IsPastDue").GetBoolean());
        var status = timers[^1].GetProperty("ScheduleStatus");
        Assert.InRange(status.GetProperty("Last").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-2),
            status.GetProperty("Next").GetDateTimeOffset());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, timers[0].GetProperty("ScheduleStatus").ValueKind);
    }

    [Fact]
    public async Task Timer_MissedWhileTheHostWasAway_RunsAtOnceAndIsPastDue()
    {
        await using var app = await new TestedApp("Tick").Set("TICK", "*/2 * * * * *").StartAsync();
        await TestedApp.UntilAsync(() => app.Calls("Tick").Count >= 1, "a run");
        await app.Process.DisposeAsync();
        var before = app.Calls("Tick").Count;
        await Task.Delay(3000, Token);

        await app.StartAsync();

        await TestedApp.UntilAsync(() => app.Calls("Tick").Count > before, "the run that was missed");
        Assert.True(app.Calls("Tick")[before].GetProperty("timer").GetProperty("IsPastDue").GetBoolean());
    }

    [Fact]
    public async Task Timer_RunByHand_NeedsTheMasterKey()
    {
        await using var app = await new TestedApp("Tick").Set("TICK", "0 0 3 1 1 *").StartAsync();

        using var refused = await app.Http.PostAsync(app.Address("/admin/functions/Tick"), new StringContent("{}"), Token);
        using var request = new HttpRequestMessage(HttpMethod.Post, app.Address("/admin/functions/Tick"))
        {
            Content = new StringContent("{}"),
        };
        request.Headers.Add("x-functions-key", TestedApp.MasterKey);
        using var accepted = await app.Http.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        await TestedApp.UntilAsync(() => app.Calls("Tick").Count == 1, "the run");
    }

    [Theory]
    [InlineData("host.json", "{", "host.json is not JSON: line 1")]
    [InlineData("worker.config.json", """{"description": {"language": "node"} }""", "worker.config.json: this host runs workers of the language \"dotnet-isolated\" only.")]
    public async Task Start_WithAFaultInAFile_SaysWhereAndWhatAndExitsWith1(string file, string content, string expected)
    {
        await using var app = new TestedApp("Open").Write(file, content);

        app.Start();

        Assert.Equal(1, await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(30)));
        Assert.StartsWith(expected, Assert.Single(app.Process.Errors), StringComparison.Ordinal);
        Assert.Empty(app.Started());
    }

    [Fact]
    public async Task Start_WithASettingThatAFunctionNeedsAndIsNotThere_SaysWhichAndExitsWith1()
    {
        await using var app = new TestedApp("Tick");

        app.Start();

        Assert.Equal(1, await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal("Tick: the setting 'TICK' is not set.", Assert.Single(app.Process.Errors));
        Assert.All(app.Started(), id => Assert.False(ProgramProcess.IsRunning(id)));
    }
}
