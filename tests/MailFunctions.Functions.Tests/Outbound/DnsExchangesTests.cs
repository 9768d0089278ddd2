using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>RFC 5321 §5.1 against a DNS server on loopback.</summary>
public sealed class DnsExchangesTests
{
    [Fact]
    public async Task Find_SeveralExchanges_OrdersByPreferenceAndGivesAllAddresses()
    {
        await using var dns = new DnsServer();
        dns.AddMx("one.test", 20, "second.test").AddMx("one.test", 10, "first.test")
            .AddAddress("first.test", "192.0.2.1").AddAddress("first.test", "2001:db8::1").AddAddress("second.test", "192.0.2.2");

        var hosts = Assert.IsType<Destination.Hosts>(await FindAsync(dns, "one.test"));

        Assert.Equal(
            ["first.test 2001:db8::1", "first.test 192.0.2.1", "second.test 192.0.2.2"],
            hosts.InOrder.Select(h => $"{h.Host} {h.Address}"));
        Assert.All(hosts.InOrder, h => Assert.Equal((25, RelayTls.Opportunistic), (h.Port, h.Tls)));
    }

    [Fact]
    public async Task Find_EqualPreferences_AreTriedInRandomOrder()
    {
        await using var dns = new DnsServer();
        foreach (var host in (string[])["a.test", "b.test", "c.test"])
        {
            dns.AddMx("one.test", 10, host).AddAddress(host, "192.0.2.1");
        }

        var firsts = new HashSet<string>();
        for (var seed = 0; seed < 30; seed++)
        {
            firsts.Add(((Destination.Hosts)await FindAsync(dns, "one.test", seed)).InOrder[0].Host);
        }

        Assert.Equal(3, firsts.Count);
    }

    [Fact]
    public async Task Find_NoMx_FallsBackToTheDomainsAddress()
    {
        await using var dns = new DnsServer();
        dns.AddAddress("one.test", "192.0.2.1");

        Assert.Equal(
            "one.test 192.0.2.1",
            Assert.IsType<Destination.Hosts>(await FindAsync(dns, "one.test")).InOrder.Select(h => $"{h.Host} {h.Address}").Single());
    }

    [Fact]
    public async Task Find_NullMx_IsNowhereAtOnce()
    {
        await using var dns = new DnsServer();
        dns.AddMx("one.test", 0, ".");

        Assert.Equal("5.1.10", Assert.IsType<Destination.Nowhere>(await FindAsync(dns, "one.test")).Status);
        Assert.Single(dns.Questions);
    }

    [Fact]
    public async Task Find_OurselvesAmongThem_LeavesOnlyTheBetterOnes()
    {
        await using var dns = new DnsServer();
        dns.AddMx("one.test", 10, "better.test").AddMx("one.test", 20, "MAIL.example.test").AddMx("one.test", 20, "equal.test")
            .AddMx("one.test", 30, "worse.test")
            .AddMx("loop.test", 10, "mail.example.test").AddMx("loop.test", 20, "worse.test");
        foreach (var host in (string[])["better.test", "equal.test", "worse.test", "mail.example.test"])
        {
            dns.AddAddress(host, "192.0.2.1");
        }

        Assert.Equal(["better.test"], Assert.IsType<Destination.Hosts>(await FindAsync(dns, "one.test")).InOrder.Select(h => h.Host));
        Assert.Equal("5.4.6", Assert.IsType<Destination.Nowhere>(await FindAsync(dns, "loop.test")).Status);
    }

    [Fact]
    public async Task Find_DomainThatDoesNotExist_IsNowhere()
    {
        await using var dns = new DnsServer();

        Assert.Equal("5.1.2", Assert.IsType<Destination.Nowhere>(await FindAsync(dns, "none.test")).Status);
    }

    [Fact]
    public async Task Find_NoAddressAnywhere_IsNowhere()
    {
        await using var dns = new DnsServer();
        dns.AddEmpty("empty.test").AddMx("one.test", 10, "gone.test");

        Assert.Equal("5.4.4", Assert.IsType<Destination.Nowhere>(await FindAsync(dns, "empty.test")).Status);
        Assert.Equal("5.4.4", Assert.IsType<Destination.Nowhere>(await FindAsync(dns, "one.test")).Status);
    }

    [Fact]
    public async Task Find_DnsInTrouble_IsUnknown()
    {
        await using var dns = new DnsServer { Trouble = name => name is "bad.test" or "host.test" ? 2 : null };
        dns.AddMx("one.test", 10, "host.test");

        Assert.Equal("4.4.3", Assert.IsType<Destination.Unknown>(await FindAsync(dns, "bad.test")).Status);
        Assert.Equal("4.4.3", Assert.IsType<Destination.Unknown>(await FindAsync(dns, "one.test")).Status);
    }

    [Fact]
    public async Task Attempt_FirstExchangeDown_TakesTheNextOne()
    {
        await using var mta = new ScriptedMta();
        await using var dns = new DnsServer();
        dns.AddMx("one.test", 10, "down.test").AddMx("one.test", 20, "up.test").AddAddress("down.test", "127.0.0.2")
            .AddAddress("up.test", "127.0.0.1");
        var options = Options(dns) with { MxPort = mta.Port };
        var store = new MemoryStore { Blobs = { ["b"] = "Subject: x\r\n\r\nx\r\n"u8.ToArray() } };
        var relay = TestedRelay.Create(options, new DnsExchanges(options, new Random(1)), store);

        var results = await relay.AttemptAsync(
            Job(),
            TestContext.Current.CancellationToken);

        Assert.Equal((ResultKind.Relayed, "up.test"), (results[0].Kind, results[0].RemoteHost));
    }

    [Theory]
    [InlineData("mx 1.one.test")]
    [InlineData("*.one.test")]
    [InlineData("a\\b.one.test")]
    [InlineData("m\u00fc.one.test")]
    [InlineData("xn--a.one.test")]
    [InlineData("-.one.test")]
    [InlineData("_mx_.one.test")]
    public async Task Attempt_ExchangeWithANameThatIsNone_TakesTheNextOne(string name)
    {
        await using var mta = new ScriptedMta();
        await using var dns = new DnsServer();
        dns.AddMx("one.test", 10, name).AddMx("one.test", 20, "up.test").AddAddress("up.test", "127.0.0.1").AddMx("only.test", 10, name);
        var options = Options(dns) with { MxPort = mta.Port };
        var store = new MemoryStore { Blobs = { ["b"] = "Subject: x\r\n\r\nx\r\n"u8.ToArray() } };
        var relay = TestedRelay.Create(options, new DnsExchanges(options, new Random(1)), store);

        Assert.Equal("up.test", Assert.Single(await relay.AttemptAsync(Job(), TestContext.Current.CancellationToken)).RemoteHost);
        Assert.NotEqual(
            ResultKind.Relayed,
            Assert.Single(await relay.AttemptAsync(Job() with { Domain = "only.test" }, TestContext.Current.CancellationToken)).Kind);

        // A name that DNS has, and that TLS and sockets have to live with.
        dns.AddAddress(name, "127.0.0.1");
        Assert.Equal(
            ResultKind.Relayed,
            Assert.Single(await relay.AttemptAsync(Job() with { Domain = "one.test" }, TestContext.Current.CancellationToken)).Kind);
    }

    [Fact]
    public async Task Attempt_AnythingThatThrows_IsADeferralWithAReason()
    {
        var relay = TestedRelay.Create(new RelayOptions(), new BrokenDns(), new MemoryStore());

        var result = Assert.Single(await relay.AttemptAsync(Job(), TestContext.Current.CancellationToken));

        Assert.Equal(
            (ResultKind.Deferred, "4.3.0", "the attempt failed (InvalidOperationException)"), (result.Kind, result.Status, result.Reply));
    }

    private sealed class BrokenDns : IMailExchanges
    {
        public Task<Destination> FindAsync(string domain, CancellationToken cancellationToken) => throw new InvalidOperationException();
    }

    [Fact]
    public async Task Attempt_FirstAddressUnreachable_TakesTheNextOneOfTheHost()
    {
        await using var mta = new ScriptedMta();
        await using var dns = new DnsServer();
        dns.AddMx("one.test", 10, "mx.test").AddAddress("mx.test", "100::1").AddAddress("mx.test", "127.0.0.1"); // RFC 6666: discards all
        var options = Options(dns) with { MxPort = mta.Port, ConnectTimeout = TimeSpan.FromSeconds(2) };
        var store = new MemoryStore { Blobs = { ["b"] = "Subject: x\r\n\r\nx\r\n"u8.ToArray() } };

        Assert.Equal(
            ResultKind.Relayed,
            (await TestedRelay.Create(options, new DnsExchanges(options, new Random(1)), store)
                .AttemptAsync(Job(), TestContext.Current.CancellationToken))[0]
                .Kind);
    }

    [Fact]
    public async Task Attempt_MoreHostsThanAreTried_StopsThere()
    {
        await using var dns = new DnsServer();
        for (var i = 0; i < 10; i++)
        {
            dns.AddMx("one.test", i, $"mx{i}.test").AddAddress($"mx{i}.test", "127.0.0.1");
        }

        await using var mta = new ScriptedMta { Script = line => line == "CONNECT" ? "554 5.3.2 No service" : null };
        var options = Options(dns) with { MxPort = mta.Port, MaxHosts = 3 };

        var result =
            (await TestedRelay.Create(options, new DnsExchanges(options, new Random(1)), new MemoryStore())
                .AttemptAsync(Job(), TestContext.Current.CancellationToken))[0];

        Assert.Equal(
            (ResultKind.Deferred, "4.4.1", "554 5.3.2 No service", "mx2.test"),
            (result.Kind, result.Status, result.Reply, result.RemoteHost));
        Assert.Equal(3, mta.Connections);
    }

    [Theory]
    [InlineData("[192.0.2.1]", "192.0.2.1")]
    [InlineData("[ipv6:2001:db8::1]", "2001:db8::1")]
    [InlineData("[x-tag:y]", null)]
    public async Task Find_AddressLiteral_IsTheHost(string literal, string? address)
    {
        await using var dns = new DnsServer();

        var found = await FindAsync(dns, literal);

        Assert.Equal(
            address ?? "5.1.2",
            found is Destination.Hosts hosts ? $"{hosts.InOrder.Single().Address}" : ((Destination.Nowhere)found).Status);
        Assert.Empty(dns.Questions);
    }

    [Theory]
    [InlineData("sub.one.test", "10.0.0.2")]
    [InlineData("one.test", "10.0.0.1")]
    [InlineData("else.test", "10.0.0.3")]
    public async Task Routes_FirstMatchWins(string domain, string host)
    {
        var options = new RelayOptions
        {
            Routes =
            [
                new RelayRoute("one.test", new RelayHost("10.0.0.1", 25, RelayTls.None, null, null)),
                new RelayRoute("*.one.test", new RelayHost("10.0.0.2", 25, RelayTls.None, null, null)),
                new RelayRoute("*", new RelayHost("10.0.0.3", 25, RelayTls.None, null, null)),
            ],
        };
        await using var dns = new DnsServer();

        var found = await new RelayRoutes(options, new DnsExchanges(Options(dns), new Random(1))).FindAsync(
            domain, TestContext.Current.CancellationToken);

        Assert.Equal(host, Assert.IsType<Destination.Hosts>(found).InOrder.Single().Host);
    }

    private static OutboundJob Job() => new()
    {
        Id = "j",
        Domain = "one.test",
        MessageId = "m",
        Blob = "b",
        Size = 17,
        MailFrom = new ReversePath { Address = "alice@example.test" },
        ReceivedAt = DateTimeOffset.UtcNow,
        Recipients = [new OutboundRecipient { Address = "a@one.test" }],
        NextAttempt = DateTimeOffset.UtcNow,
    };

    private static RelayOptions Options(DnsServer dns) =>
        new()
        {
            HostName = "mail.example.test",
            AllowedNetworks = TestedRelay.Loopback,
            Resolver = dns.EndPoint,
            ResolverTimeout = TimeSpan.FromSeconds(2),
        };

    private static Task<Destination> FindAsync(DnsServer dns, string domain, int seed = 1) =>
        new DnsExchanges(Options(dns), new Random(seed)).FindAsync(domain, TestContext.Current.CancellationToken);
}
