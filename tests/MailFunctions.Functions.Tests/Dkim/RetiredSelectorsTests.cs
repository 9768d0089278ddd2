using MailFunctions.Core.Dkim;
using MailFunctions.Functions.Dkim;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Dkim;

/// <summary>A rotation on a clock that the tests move: the old selector is kept a week and then goes, key and all.</summary>
public sealed class RetiredSelectorsTests
{
    private readonly ManualTime _time = new();
    private readonly TestDkim _dkim;

    public RetiredSelectorsTests() => _dkim = new TestDkim(_time);

    [Fact]
    public async Task Run_AWeekAfterAnActivation_RemovesTheOldSelectorsAndNotBefore()
    {
        var old = await RotateAsync();

        _time.Advance(DkimKeyring.RetiringFor - TimeSpan.FromSeconds(1));
        Assert.Equal(0, await RunAsync());
        Assert.Equal(["active", "active", "retiring", "retiring"], Keys.Select(k => k.State).Order());

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, await RunAsync());
        Assert.Equal(["mf20260101-2r", "mf20260101-2e"], Keys.Select(k => k.Selector));
        Assert.All(old, k => Assert.DoesNotContain(k.Secret, _dkim.Keys.Keys.Keys));
        Assert.Equal(2, _dkim.Keys.Keys.Count);
        Assert.Equal(0, await RunAsync());
    }

    [Fact]
    public async Task Run_TwoRotationsADayApart_RemovesEachInItsTime()
    {
        await RotateAsync();
        _time.Advance(TimeSpan.FromDays(1));
        await RotateAsync();
        Assert.Equal(6, Keys.Count);

        _time.Advance(DkimKeyring.RetiringFor - TimeSpan.FromDays(1));
        Assert.Equal(2, await RunAsync());
        Assert.Equal(["mf20260101-2r", "mf20260101-2e", "mf20260102r", "mf20260102e"], Keys.Select(k => k.Selector));
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(2, await RunAsync());
        Assert.Equal(2, _dkim.Keys.Keys.Count);
    }

    [Fact]
    public async Task Run_KeyStoreAway_LeavesTheRowForTheNextRun()
    {
        await RotateAsync();
        _time.Advance(DkimKeyring.RetiringFor);

        _dkim.Keys.IsAway = true;
        Assert.Equal(0, await RunAsync());
        Assert.Equal(4, Keys.Count);

        _dkim.Keys.IsAway = false;
        Assert.Equal(2, await RunAsync());
    }

    [Fact]
    public async Task Run_CutOffBetweenKeyAndRow_IsFinishedByTheNextRun()
    {
        var old = await RotateAsync();
        _time.Advance(DkimKeyring.RetiringFor);
        await _dkim.Keyring.DropAsync(old);

        Assert.Equal(2, await RunAsync());

        Assert.Equal(2, Keys.Count);
    }

    private IReadOnlyList<DkimKey> Keys => _dkim.Directory.Domains[TestDkim.Domain].DkimKeys;

    /// <summary>Gives the selectors that retire.</summary>
    private async Task<IReadOnlyList<DkimKey>> RotateAsync()
    {
        var domain = await _dkim.Keyring.EnsureAsync(_dkim.Directory.Domains[TestDkim.Domain], TestContext.Current.CancellationToken);
        var made = await _dkim.Keyring.MakeAsync(domain.DkimKeys, DkimState.Published, TestContext.Current.CancellationToken);
        var published = _dkim.Directory.Domains[TestDkim.Domain] with { DkimKeys = [.. domain.DkimKeys, .. made] };
        _dkim.Directory.Put(_dkim.Keyring.Activate(published));
        return domain.DkimKeys;
    }

    private Task<int> RunAsync() =>
        new RetiredSelectors(_dkim.Directory, _dkim.Keyring, _time).RunAsync(TestContext.Current.CancellationToken);
}
