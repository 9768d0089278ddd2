using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Inbound;

/// <summary>A message that comes again after a while, as after a crash, or from the dead letters, when other things have changed.</summary>
public sealed partial class InboundFunctionTests
{
    [Fact]
    public async Task Run_AgainOnTheNextDay_SendsOnNoSecondTime()
    {
        var clock = new ManualTime();
        _time = clock;
        _directory.Alias("team@example.test", "far@one.test");
        await RunAsync(Envelope("team@example.test"));
        var before = Assert.Single(_jobs.Rows.Values);

        clock.Advance(TimeSpan.FromDays(1)); // the rewritten sender has the day in it
        await RunAsync(Envelope("team@example.test"));

        Assert.Equal(before, Assert.Single(_jobs.Rows.Values));
    }

    [Fact]
    public async Task Run_AgainWhenTheAliasHasFurtherTargets_MissesNoneAndDoublesNone()
    {
        foreach (var targets in (string[][])[
            ["far@one.test"], ["far@one.test", "further@one.test"], ["last@one.test", "further@one.test", "far@one.test"]])
        {
            _directory.Alias("team@example.test", targets);
            await RunAsync(Envelope("team@example.test"));
            await RunAsync(Envelope("team@example.test"));

            Assert.Equal(targets.Order(), _jobs.Rows.Values.SelectMany(j => j.Recipients).Select(r => r.Address).Order());
        }

        Assert.All(_jobs.Rows.Values, j => Assert.Contains(_bus.Outbound, m => m.MessageId.StartsWith(j.Id, StringComparison.Ordinal)));
    }
}
