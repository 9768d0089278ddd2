using System.Net;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Host;

/// <summary>The handler's process: restarts and their end, timers, and files that are wrong.</summary>
public sealed class HandlerLifeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Handler_ThatFailsThreeTimes_EndsTheHost()
    {
        await using var app = new TestedApp().HttpFunction("Open", "api/open", "anonymous", "get").Set("HANDLER_EXITS", "7");

        app.Start();

        Assert.Equal(1, await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(3, app.Started().Count);
    }

    [Fact]
    public async Task Handler_ThatEndsWith0_IsNotStartedAgainAndCallsFail()
    {
        await using var app = await new TestedApp().HttpFunction("Open", "api/open", "anonymous", "get").StartAsync();
        ProgramProcess.Terminate(app.Started()[0]); // this handler ends with 0 on SIGTERM

        await TestedApp.UntilAsync(
            async () =>
            {
                using var answer = await app.Http.GetAsync(app.Address("/api/open"), Token);
                return answer.StatusCode == HttpStatusCode.ServiceUnavailable;
            },
            "calls fail");
        await Task.Delay(500, Token);
        Assert.Single(app.Started());
        Assert.False(app.Process.HasExited);
    }

    [Fact]
    public async Task Handler_ThatIsKilled_IsStartedAgainAndCallsGoOn()
    {
        await using var app = await new TestedApp().HttpFunction("Open", "api/open", "anonymous", "get").StartAsync();
        ProgramProcess.KillHard(app.Started()[0]);

        await TestedApp.UntilAsync(() => app.Started().Count == 2, "a second handler");
        using var answer = await app.Http.GetAsync(app.Address("/api/open"), Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Host_StartedAfterItWasKilled_EndsTheHandlerThatWasLeft()
    {
        await using var app = await new TestedApp().HttpFunction("Open", "api/open", "anonymous", "get").StartAsync();
        var left = app.Started()[0];
        app.Process.KillHard();
        await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(10));
        Assert.True(ProgramProcess.IsRunning(left));

        await app.StartAsync();

        Assert.False(ProgramProcess.IsRunning(left));
    }

    [Fact]
    public async Task Timer_BySchedule_RunsAndTellsWhenItRanLast()
    {
        await using var app = await new TestedApp().Timer("Tick", "*/1 * * * * *").StartAsync();

        await TestedApp.UntilAsync(() => app.Calls("Tick").Count >= 3, "three runs");

        var timer = app.Calls("Tick")[^1].GetProperty("body").GetProperty("Data").GetProperty("timer");
        Assert.False(timer.GetProperty("IsPastDue").GetBoolean());
        Assert.True(timer.GetProperty("Schedule").GetProperty("AdjustForDST").GetBoolean());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$", timer.GetProperty("ScheduleStatus").GetProperty("Last").GetString());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, app.Calls("Tick")[0].GetProperty("body").GetProperty("Data").GetProperty("timer").GetProperty("ScheduleStatus").ValueKind);
    }

    [Fact]
    public async Task Timer_MissedWhileTheHostWasAway_RunsAtOnceAndIsPastDue()
    {
        await using var app = await new TestedApp().Timer("Tick", "*/2 * * * * *").StartAsync();
        await TestedApp.UntilAsync(() => app.Calls("Tick").Count >= 1, "a run");
        await app.Process.DisposeAsync();
        var before = app.Calls("Tick").Count;
        await Task.Delay(3000, Token);

        await app.StartAsync();

        await TestedApp.UntilAsync(() => app.Calls("Tick").Count > before, "the run that was missed");
        Assert.True(app.Calls("Tick")[before].GetProperty("body").GetProperty("Data").GetProperty("timer").GetProperty("IsPastDue").GetBoolean());
    }

    [Fact]
    public async Task Timer_RunByHand_NeedsTheMasterKey()
    {
        await using var app = await new TestedApp().Timer("Nightly", "0 0 3 1 1 *").StartAsync();

        using var refused = await app.Http.PostAsync(app.Address("/admin/functions/Nightly"), new StringContent("{}"), Token);
        using var request = new HttpRequestMessage(HttpMethod.Post, app.Address("/admin/functions/Nightly")) { Content = new StringContent("{}") };
        request.Headers.Add("x-functions-key", TestedApp.MasterKey);
        using var accepted = await app.Http.SendAsync(request, Token);

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        await TestedApp.UntilAsync(() => app.Calls("Nightly").Count == 1, "the run");
    }

    [Theory]
    [InlineData("host.json", "{", "host.json is not JSON: line 1")]
    [InlineData("host.json", """{"version": "2.0", "customHandler": {"description": {"defaultExecutablePath": "no-such-program"} } }""", "host.json: defaultExecutablePath 'no-such-program'")]
    [InlineData("Bad/function.json", "{}", "Bad/function.json: \"bindings\" is missing.")]
    public async Task Start_WithAFaultInAFile_SaysWhereAndWhatAndExitsWith1(string file, string content, string expected)
    {
        await using var app = new TestedApp().Write(file, content);

        app.Start();

        Assert.Equal(1, await app.Process.WaitForExitAsync(TimeSpan.FromSeconds(30)));
        Assert.StartsWith(expected, Assert.Single(app.Process.Errors), StringComparison.Ordinal);
        Assert.Empty(app.Started());
    }
}
