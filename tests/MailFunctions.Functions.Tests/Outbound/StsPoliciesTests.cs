using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Tls;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>MTA-STS (RFC 8461): DNS and an HTTPS server on loopback, under an authority of the test's own.</summary>
public sealed class StsPoliciesTests : IAsyncLifetime
{
    private const string Policy = "version: STSv1\r\nmode: enforce\r\nmx: mx.one.test\r\nmx: *.hosts.test\r\nmax_age: 86400\r\n";

    private readonly TestAuthority _authority = new();
    private readonly SetTime _time = new();
    private readonly MemoryPolicies _store = new();
    private readonly MemoryTlsResults _results = new();
    private readonly DnsServer _dns = new() { TimeToLive = 0 };
    private PolicyServer _web = null!;

    public async ValueTask InitializeAsync()
    {
        _web = await PolicyServer.StartAsync(_authority.Issue("mta-sts.one.test"));
        _web.Answer = Policy;
        _dns.AddText("_mta-sts.one.test", "v=STSv1; id=20260101;");
    }

    [Fact]
    public async Task Find_PolicyOfADomain_IsFetchedOnceAndKept()
    {
        using var policies = Create();

        var found = Assert.IsType<StsPolicy>(await FindAsync(policies));
        Assert.Equal(found, await FindAsync(policies));
        using var another = Create(); // another process
        Assert.Equal(found, await FindAsync(another));

        Assert.Equal(
            ("20260101", "enforce", "mx.one.test *.hosts.test", _time.Now.AddDays(1)),
            (found.Id, found.Mode, string.Join(' ', found.Mx), found.Expires));
        Assert.Equal(["GET mta-sts.one.test/.well-known/mta-sts.txt"], _web.Requests);
    }

    [Fact] // DNS can't be asked: `_mta-sts.` before it is more than a name may have
    public async Task Find_OfADomainAsLongAsOneMayBe_IsNoneAndNoFault()
    {
        using var policies = Create();
        var domain = string.Join('.', Enumerable.Repeat(new string('a', 61), 4)) + ".test";

        Assert.Null(await policies.FindAsync(domain, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Find_AnotherId_FetchesThePolicyAnew()
    {
        using var policies = Create();
        await FindAsync(policies);
        _dns.Remove("_mta-sts.one.test");
        _dns.AddText("_mta-sts.one.test", "v=STSv1; id=20260102;");
        _web.Answer = Policy.Replace("enforce", "testing", StringComparison.Ordinal);

        Assert.Equal(("20260102", "testing"), ((await FindAsync(policies))!.Id, (await FindAsync(policies))!.Mode));
        Assert.Equal(2, _web.Requests.Count);
    }

    [Fact]
    public async Task Find_RecordGoneOrServerDown_KeepsThePolicyUntilItRunsOut()
    {
        using var policies = Create();
        await FindAsync(policies);
        _dns.Remove("_mta-sts.one.test");
        _time.Now += TimeSpan.FromHours(23);
        Assert.NotNull(await FindAsync(policies));

        _dns.AddText("_mta-sts.one.test", "v=STSv1; id=other;");
        _web.Status = 503;
        Assert.Equal("20260101", (await FindAsync(policies))!.Id);
        Assert.Equal(["one.test sts sts-policy-fetch-error"], _results.Counted);

        _time.Now += TimeSpan.FromHours(2);
        Assert.Null(await FindAsync(policies));
        using var another = Create();
        Assert.Null(await FindAsync(another));
    }

    [Fact]
    public async Task Find_PolicyThatCantBeFetched_IsAskedForAgainAfterAWhile()
    {
        using var policies = Create();
        _web.Status = 404;
        for (var i = 0; i < 5; i++)
        {
            Assert.Null(await FindAsync(policies));
        }

        Assert.Single(_web.Requests);
        (_web.Status, _time.Now) = (200, _time.Now + StsPolicies.AskAgainAfter);
        Assert.NotNull(await FindAsync(policies));
    }

    [Theory]
    [InlineData(404, "text/plain", Policy, "fetch-error")]
    [InlineData(301, "text/plain", Policy, "fetch-error")]
    [InlineData(200, "text/html", Policy, "fetch-error")]
    [InlineData(200, "text/plain", "version: STSv1\nmode: enforce\nmax_age: 1\n", "invalid")]
    [InlineData(200, "text/plain", "mode: enforce\nmx: mx.one.test\nmax_age: 1\n", "invalid")]
    [InlineData(200, "text/plain", "version: STSv1\nmode: strict\nmx: mx.one.test\nmax_age: 1\n", "invalid")]
    [InlineData(200, "text/plain", "version: STSv1\nmode: enforce\nmx: mx.one.test\nmax_age: -1\n", "invalid")]
    [InlineData(200, "text/plain", "", "invalid")]
    public async Task Find_AnswerThatIsNoPolicy_CountsAndGoesOnWithout(int status, string type, string text, string counted)
    {
        (_web.Status, _web.ContentType, _web.Answer) = (status, type, text);
        using var policies = Create();

        Assert.Null(await FindAsync(policies));

        Assert.Equal([$"one.test sts sts-policy-{counted}"], _results.Counted);
        Assert.Single(_web.Requests); // a redirect is not followed
    }

    [Fact]
    public async Task Find_PolicyTooLong_IsNotReadToItsEnd()
    {
        _web.Answer = Policy + new string('x', StsPolicy.MaxOctets);
        using var policies = Create();

        Assert.Null(await FindAsync(policies));
    }

    [Fact]
    public async Task Find_ServerThatNeverAnswers_IsLeftAtTheTimeLimit()
    {
        _web.Hangs = true;
        using var policies = Create(TimeSpan.FromMilliseconds(300));

        Assert.Null(await FindAsync(policies));
        Assert.Equal(["one.test sts sts-policy-fetch-error"], _results.Counted);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Find_CertificateOfAnotherNameOrAuthority_IsNotBelieved(bool known)
    {
        using var other = new TestAuthority();
        await using var web = await PolicyServer.StartAsync(known ? _authority.Issue("one.test") : other.Issue("mta-sts.one.test"));
        web.Answer = Policy;
        using var policies = Create(server: web);

        Assert.Null(await FindAsync(policies));
        Assert.Empty(web.Requests);
    }

    [Theory]
    [InlineData("v=STSv1; id=a;", "v=STSv1; id=b;")]
    [InlineData("v=STSv1;")]
    [InlineData("v=STSv1; id=;")]
    [InlineData("v=spf1 -all")]
    public async Task Find_RecordsThatAnnounceNone_AreNone(params string[] records)
    {
        _dns.Remove("_mta-sts.one.test");
        foreach (var record in records)
        {
            _dns.AddText("_mta-sts.one.test", record);
        }

        using var policies = Create();

        Assert.Null(await FindAsync(policies));
        Assert.Empty(_web.Requests);
    }

    [Theory]
    [InlineData("MX.one.test", true)]
    [InlineData("a.hosts.test", true)]
    [InlineData("a.b.hosts.test", false)] // RFC 8461 §4.1: one label
    [InlineData("hosts.test", false)]
    [InlineData(".hosts.test", false)]
    [InlineData("mx.one.test.evil.test", false)]
    public void Names_Hosts_ByNameAndByOneLabel(string host, bool named) =>
        Assert.Equal(named, StsPolicy.Parse("one.test", "1", Policy, _time.Now)!.Names(host));

    [Fact]
    public void Parse_AgeBeyondTheGreatest_IsCut() => Assert.Equal(
        _time.Now.AddSeconds(31_557_600),
        StsPolicy.Parse("one.test", "1", Policy.Replace("86400", "9999999999", StringComparison.Ordinal), _time.Now)!.Expires);

    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync();
        await _dns.DisposeAsync();
        _authority.Dispose();
    }

    private StsPolicies Create(TimeSpan? limit = null, PolicyServer? server = null) => new(
        new RelayOptions { Resolver = _dns.EndPoint },
        new StsFetcher((server ?? _web).CreateHandler(_authority.Roots), limit ?? TimeSpan.FromMinutes(1)),
        _store,
        _results,
        _time);

    private static Task<StsPolicy?> FindAsync(StsPolicies policies) =>
        policies.FindAsync("one.test", TestContext.Current.CancellationToken);

    private sealed class MemoryPolicies : IStsPolicyStore
    {
        private readonly Dictionary<string, StsPolicy> _rows = [];

        public Task<StsPolicy?> FindAsync(string domain, DateTimeOffset now, CancellationToken cancellationToken) =>
            Task.FromResult(_rows.GetValueOrDefault(domain) is { } row && row.Expires > now ? row : null);

        public Task PutAsync(StsPolicy policy, CancellationToken cancellationToken)
        {
            _rows[policy.Domain] = policy;
            return Task.CompletedTask;
        }
    }
}
