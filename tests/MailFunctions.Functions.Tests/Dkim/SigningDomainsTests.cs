using MailFunctions.Core.Directory;
using MailFunctions.Core.Dkim;
using MailFunctions.Functions.Dkim;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Dkim;

/// <summary>Which keys sign for whom, what that costs, and what happens when they can't be had.</summary>
public sealed class SigningDomainsTests
{
    private readonly ManualTime _time = new();
    private readonly TestDkim _dkim;

    public SigningDomainsTests() => _dkim = new TestDkim(_time);

    [Fact]
    public async Task Find_DomainWithoutKeys_MakesThemOnceForAllWhoAskAtOnce()
    {
        var found = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => FindAsync(TestDkim.Domain)));

        Assert.All(
            found, f => Assert.Equal(["rsa-sha256", "ed25519-sha256"], Assert.IsType<SigningDomain.Ours>(f).Keys.Select(k => k.Algorithm)));
        Assert.Equal(2, _dkim.Keys.Keys.Count);
        var keys = _dkim.Directory.Domains[TestDkim.Domain].DkimKeys;
        Assert.Equal(["mf20260101r active", "mf20260101e active"], keys.Select(k => $"{k.Selector} {k.State}"));
        Assert.All(keys, k => Assert.Contains(k.Secret, _dkim.Keys.Keys.Keys));
    }

    [Fact]
    public async Task Find_AnotherFunctionMakesTheKeysFirst_UsesTheirsAndLeavesNoneOfOurs()
    {
        var theirs = await _dkim.Keyring.MakeAsync([], DkimState.Active, TestContext.Current.CancellationToken);
        _dkim.Directory.BeforePut = () => _dkim.Directory.Put(new MailDomain { Name = TestDkim.Domain, DkimKeys = theirs });

        var found = Assert.IsType<SigningDomain.Ours>(await FindAsync(TestDkim.Domain));

        Assert.Equal(theirs.Select(k => k.Secret), found.Keys.Select(k => k.Secret));
        Assert.Equal(theirs.Select(k => k.Secret).Order(), _dkim.Keys.Keys.Keys.Order());
    }

    [Fact]
    public async Task Find_ForAMinute_CostsOneRead()
    {
        await FindAsync(TestDkim.Domain);
        var (rows, keys) = (_dkim.Directory.DomainReads, _dkim.Keys.Reads);

        for (var i = 0; i < 50; i++)
        {
            await FindAsync(TestDkim.Domain);
        }

        Assert.Equal((rows, keys), (_dkim.Directory.DomainReads, _dkim.Keys.Reads));
        _time.Advance(SigningDomains.Fresh);
        await FindAsync(TestDkim.Domain);
        Assert.Equal((rows + 1, keys), (_dkim.Directory.DomainReads, _dkim.Keys.Reads)); // keys under a name never change
    }

    [Fact]
    public async Task Find_AfterAnActivation_UsesTheNewKeysWithinAMinute()
    {
        var before = Assert.IsType<SigningDomain.Ours>(await FindAsync(TestDkim.Domain));
        var domain = _dkim.Directory.Domains[TestDkim.Domain];
        var made = await _dkim.Keyring.MakeAsync(domain.DkimKeys, DkimState.Published, TestContext.Current.CancellationToken);
        domain = _dkim.Directory.Put(domain with { DkimKeys = [.. domain.DkimKeys, .. made] });
        _time.Advance(SigningDomains.Fresh);
        Assert.Equal(before.Keys, Assert.IsType<SigningDomain.Ours>(await FindAsync(TestDkim.Domain)).Keys); // published is not in use

        _dkim.Directory.Put(_dkim.Keyring.Activate(domain));
        _time.Advance(SigningDomains.Fresh);

        Assert.Equal(
            ["mf20260101-2r", "mf20260101-2e"],
            Assert.IsType<SigningDomain.Ours>(await FindAsync(TestDkim.Domain)).Keys.Select(k => k.Selector));
    }

    [Fact]
    public async Task Find_TheServersOwnName_IsSignedForByTheDomainAboveIt()
    {
        Assert.Equal(TestDkim.Domain, Assert.IsType<SigningDomain.Ours>(await FindAsync("mail." + TestDkim.Domain)).Name);
        Assert.IsType<SigningDomain.NotOurs>(await FindAsync("a.b.c." + TestDkim.Domain));
        Assert.IsType<SigningDomain.NotOurs>(await FindAsync("elsewhere.test"));
        Assert.IsType<SigningDomain.NotOurs>(await FindAsync("test"));
    }

    [Fact]
    public async Task Find_KeyStoreAway_SaysSoAndAsksAgainSoon()
    {
        await FindAsync(TestDkim.Domain);
        var fresh = new TestDkim(_time) { Keys = { IsAway = true } };
        fresh.Directory.Put(_dkim.Directory.Domains[TestDkim.Domain]);

        var away = Assert.IsType<SigningDomain.Unavailable>(
            await fresh.Domains.FindAsync(TestDkim.Domain, TestContext.Current.CancellationToken));
        Assert.Contains("The vault is away", away.Reason, StringComparison.Ordinal);
        var reads = fresh.Keys.Reads;
        await fresh.Domains.FindAsync(TestDkim.Domain, TestContext.Current.CancellationToken);
        Assert.Equal(reads, fresh.Keys.Reads); // nobody waits for it again at once

        foreach (var (name, pem) in _dkim.Keys.Keys)
        {
            fresh.Keys.Keys[name] = pem;
        }

        fresh.Keys.IsAway = false;
        _time.Advance(SigningDomains.Retry);
        Assert.Equal(
            2,
            Assert.IsType<SigningDomain.Ours>(await fresh.Domains.FindAsync(TestDkim.Domain, TestContext.Current.CancellationToken))
                .Keys.Count);
    }

    [Fact]
    public async Task Find_AKeyThatIsGoneOrNoKey_SignsWithTheOther()
    {
        await FindAsync(TestDkim.Domain);
        var keys = _dkim.Directory.Domains[TestDkim.Domain].DkimKeys;
        foreach (var broken in (string?[])[null, "no PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
        {
            var fresh = new TestDkim(_time);
            fresh.Directory.Put(_dkim.Directory.Domains[TestDkim.Domain]);
            fresh.Keys.Keys[keys[1].Secret] = _dkim.Keys.Keys[keys[1].Secret];
            if (broken is not null)
            {
                fresh.Keys.Keys[keys[0].Secret] = broken;
            }

            var found = Assert.IsType<SigningDomain.Ours>(
                await fresh.Domains.FindAsync(TestDkim.Domain, TestContext.Current.CancellationToken));
            Assert.Equal("ed25519-sha256", Assert.Single(found.Keys).Algorithm);
        }
    }

    private Task<SigningDomain> FindAsync(string author) => _dkim.Domains.FindAsync(author, TestContext.Current.CancellationToken);
}
