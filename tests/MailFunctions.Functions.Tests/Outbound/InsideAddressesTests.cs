using System.Net;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Outbound.Tls;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>
/// What strangers' DNS and address literals say leads to no machine beside this one, unless the postmaster names its network.
/// </summary>
public sealed class InsideAddressesTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("100.127.255.255")]
    [InlineData("169.254.169.254")]
    [InlineData("168.63.129.16")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("198.19.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("fe80::1")]
    [InlineData("febf::1")]
    [InlineData("fec0::1")]
    [InlineData("fc00::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("ff02::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:0:127.0.0.1")]
    [InlineData("::127.0.0.1")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("2002:7f00:1::1")]
    [InlineData("2001::80ff:fffe")]
    [InlineData("2001:db8::5efe:10.0.0.1")]
    [InlineData("2001:db8::200:5efe:10.0.0.1")]
    public void MayReach_InsideAddresses_WhereTheyAreNamedOnly(string text)
    {
        var address = IPAddress.Parse(text);

        Assert.False(new RelayOptions().MayReach(address));
        Assert.True(new RelayOptions { AllowedNetworks = [IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0")] }.MayReach(address));
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("11.0.0.1")]
    [InlineData("100.128.0.1")]
    [InlineData("168.63.129.17")]
    [InlineData("172.32.0.1")]
    [InlineData("192.0.2.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("64:ff9b::101:101")]
    [InlineData("2002:101:101::1")]
    public void MayReach_OtherAddresses_Always(string text) => Assert.True(new RelayOptions().MayReach(IPAddress.Parse(text)));

    [Fact]
    public void MayReach_EmbeddedAddress_ByTheNameOfItsNetwork() =>
        Assert.True(new RelayOptions { AllowedNetworks = [IPNetwork.Parse("10.0.0.0/8")] }.MayReach(IPAddress.Parse("::ffff:10.0.0.1")));

    [Fact]
    public async Task Attempt_ExchangeThatIsInside_IsSkippedForTheNext()
    {
        await using var dns = new DnsServer();
        dns.AddMx("one.test", 10, "inside.test").AddMx("one.test", 20, "outside.test").AddAddress("inside.test", "10.0.0.1")
            .AddAddress("outside.test", "192.0.2.1");

        var found = await new DnsExchanges(Options(dns, false), new Random(1)).FindAsync("one.test", TestContext.Current.CancellationToken);

        Assert.Equal(["outside.test"], Assert.IsType<Destination.Hosts>(found).InOrder.Select(h => h.Host));
    }

    [Theory]
    [InlineData("one.test", false, "deferred 4.4.4")]
    [InlineData("one.test", true, "relayed 2.0.0")]
    [InlineData("[127.0.0.1]", false, "failed 5.4.4")]
    [InlineData("[127.0.0.1]", true, "relayed 2.0.0")]
    [InlineData("[ipv6:::ffff:127.0.0.1]", false, "failed 5.4.4")]
    [InlineData("[ipv6:::ffff:127.0.0.1]", true, "relayed 2.0.0")]
    public async Task Attempt_InsideAddress_GetsNothingUnlessItIsAllowed(string domain, bool allowed, string expected)
    {
        await using var mta = new ScriptedMta();
        await using var dns = new DnsServer();
        dns.AddMx("one.test", 10, "mx.one.test").AddAddress("mx.one.test", "127.0.0.1");
        var options = Options(dns, allowed) with { MxPort = mta.Port };
        var store = new MemoryStore { Blobs = { [Attempts.Job().Blob] = Attempts.Plain } };

        var result = Assert.Single(await TestedRelay.Create(options, new DnsExchanges(options, new Random(1)), store)
            .AttemptAsync(
                Attempts.Job($"a@{domain}") with { Domain = domain, Size = Attempts.Plain.Length }, TestContext.Current.CancellationToken));

        Assert.Equal((expected, allowed ? 1 : 0), ($"{result.Kind} {result.Status}", mta.Connections));
        Assert.All(mta.Messages, m => Assert.Equal($"RCPT TO:<a@{domain}>", m.Recipients[0]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Policy_OfANameThatIsInside_IsNotFetched(bool allowed)
    {
        using var authority = new TestAuthority();
        await using var web = await PolicyServer.StartAsync(authority.Issue("mta-sts.one.test"));
        web.Answer = "policy";
        await using var dns = new DnsServer();
        dns.AddAddress("mta-sts.one.test", "127.0.0.1");
        using var http = new HttpClient(PolicyServer.Trusting(StsFetcher.CreateHandler(Options(dns, allowed)), authority.Roots));

        var answer = await Record.ExceptionAsync(
            () => http.GetStringAsync($"https://mta-sts.one.test:{web.Port}/", TestContext.Current.CancellationToken));

        Assert.Equal((allowed, allowed ? 1 : 0), (answer is null, web.Requests.Count));
    }

    private static RelayOptions Options(DnsServer dns, bool allowed) => new()
    {
        HostName = "mail.example.test",
        Resolver = dns.EndPoint,
        AllowedNetworks = allowed ? TestedRelay.Loopback : [],
    };
}
