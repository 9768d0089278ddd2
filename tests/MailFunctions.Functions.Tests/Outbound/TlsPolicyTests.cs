using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.Functions.Outbound.Routing;
using MailFunctions.Functions.Outbound.Tls;
using MailFunctions.Functions.Tests.Inbound;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>What DNS, a policy and the sender ask of TLS, against a server found by MX; and what is counted of it.</summary>
public sealed class TlsPolicyTests : IDisposable
{
    private const string Blob = "2026/11/23/m.eml";
    private const string Mx = "mx.one.test";

    private readonly MemoryStore _store = new() { Blobs = { [Blob] = "Subject: x\r\n\r\nHello\r\n"u8.ToArray() } };
    private readonly TestAuthority _authority = new();
    private readonly MemoryTlsResults _results = new();

    [Fact]
    public async Task NoPolicy_AnyCertificateOrNone_IsTakenAndCounted()
    {
        await using var with = new ScriptedMta { Certificate = _authority.Issue("else.test", TimeSpan.FromDays(-1)) };
        await using var without = new ScriptedMta();

        Assert.Equal(ResultKind.Relayed, (await AttemptAsync(with, null)).Kind);
        Assert.Equal(ResultKind.Relayed, (await AttemptAsync(without, null)).Kind);

        Assert.Equal(["one.test no-policy-found success", "one.test no-policy-found starttls-not-supported"], _results.Counted);
    }

    [Theory]
    [InlineData(Mx, 1, Mx, "success")]
    [InlineData(Mx, 1, "*.one.test", "success")]
    [InlineData("else.test", 1, Mx, "certificate-host-mismatch")]
    [InlineData(Mx, -1, Mx, "certificate-expired")]
    [InlineData(null, 1, Mx, "starttls-not-supported")]
    [InlineData(Mx, 1, "other.test", "validation-failure")]
    public async Task Sts_Enforced_SendsOnlyWhereThePolicyHolds(string? certified, int days, string named, string counted)
    {
        await using var mta = new ScriptedMta
        {
            Certificate = certified is null ? null : _authority.Issue(certified, TimeSpan.FromDays(days)),
        };

        var result = await AttemptAsync(mta, Policy(StsPolicy.Enforce, named));

        Assert.Equal(
            counted == "success" ? (ResultKind.Relayed, "2.0.0", 1) : (ResultKind.Deferred, "4.7.5", 0),
            (result.Kind, result.Status, mta.Messages.Count));
        Assert.Equal([$"one.test sts {counted}"], _results.Counted);
        Assert.Equal(counted == "validation-failure" ? 0 : 1, mta.Connections);
    }

    [Fact]
    public async Task Sts_EnforcedAndAnAuthorityNobodyKnows_SendsNothing()
    {
        using var other = new TestAuthority();
        await using var mta = new ScriptedMta { Certificate = other.Issue(Mx) };

        Assert.Equal("4.7.5", (await AttemptAsync(mta, Policy(StsPolicy.Enforce, Mx))).Status);
        Assert.Equal(["one.test sts certificate-not-trusted"], _results.Counted);
    }

    [Fact]
    public async Task Sts_Testing_CountsAndSendsAllTheSame()
    {
        await using var mta = new ScriptedMta { Certificate = _authority.Issue("else.test") };
        await using var plain = new ScriptedMta();

        await AttemptAsync(mta, Policy(StsPolicy.Testing, Mx));
        await AttemptAsync(plain, Policy(StsPolicy.Testing, "other.test"));

        Assert.Equal((1, 1), (mta.Messages.Count, plain.Messages.Count));
        Assert.Equal(
            ["one.test sts certificate-host-mismatch", "one.test sts validation-failure", "one.test sts starttls-not-supported"],
            _results.Counted);
    }

    [Fact]
    public async Task Sts_OfAFixedRoute_IsNotAsked()
    {
        await using var mta = new ScriptedMta();
        var options = Options(mta) with
        {
            Routes = [new RelayRoute("*", new RelayHost("127.0.0.1", mta.Port, RelayTls.Opportunistic, null, null))],
        };

        var results = await TestedRelay.Create(
            options, new DnsExchanges(options, Random.Shared), _store, new FixedPolicies(Policy(StsPolicy.Enforce, "other.test")), _results)
            .AttemptAsync(Job(), TestContext.Current.CancellationToken);

        Assert.Equal(ResultKind.Relayed, results[0].Kind);
        Assert.Empty(_results.Counted);
    }

    [Theory]
    [InlineData("tls-required:\r\n  NO", true)]
    [InlineData("TLS-Required: No", true)]
    [InlineData("TLS-Required: Yes", false)]
    [InlineData("Subject: x\r\n\r\nTLS-Required: No", false)]
    public async Task TlsRequiredNo_SaysThatArrivingMattersMore(string header, bool taken)
    {
        _store.Blobs[Blob] = System.Text.Encoding.ASCII.GetBytes(header + "\r\n\r\nHello\r\n");
        await using var mta = new ScriptedMta { Certificate = _authority.Issue("else.test") };

        Assert.Equal(taken, (await AttemptAsync(mta, Policy(StsPolicy.Enforce, "other.test"))).Kind == ResultKind.Relayed);
    }

    [Theory]
    [InlineData(Mx, "REQUIRETLS", ResultKind.Relayed, "2.0.0")]
    [InlineData("else.test", "REQUIRETLS", ResultKind.Failed, "5.7.30")]
    [InlineData(Mx, "8BITMIME", ResultKind.Failed, "5.7.30")]
    [InlineData(null, "REQUIRETLS", ResultKind.Failed, "5.7.30")]
    public async Task RequireTls_NeedsAGoodCertificateAndThePeersWord(string? certified, string extension, string kind, string status)
    {
        _store.Blobs[Blob] = "TLS-Required: No\r\n\r\nHello\r\n"u8.ToArray(); // RFC 8689 §4.1: REQUIRETLS wins
        await using var mta = new ScriptedMta
        {
            Certificate = certified is null ? null : _authority.Issue(certified),
            ExtensionsUnderTls = [extension],
        };

        var result = await AttemptAsync(mta, null, Job(requireTls: true));

        Assert.Equal((kind, status), (result.Kind, result.Status));
        Assert.All(mta.Messages, m => Assert.EndsWith(" REQUIRETLS", m.Sender, StringComparison.Ordinal));
        Assert.Equal(kind == ResultKind.Relayed ? 1 : 0, mta.Messages.Count);
    }

    [Fact]
    public async Task RequireTls_OneHostDownAndTheOtherWithout_IsTriedAgain()
    {
        await using var mta = new ScriptedMta();
        await using var dns = Dns();
        dns.AddMx("one.test", 20, "down.test").AddAddress("down.test", "127.0.0.2");

        Assert.Equal(ResultKind.Deferred, (await AttemptAsync(mta, null, Job(requireTls: true), dns)).Kind);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(0, 2)]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    public async Task Dane_EndEntityThatIsNamed_IsTakenWhateverElseIsWrongWithIt(int selector, int matching)
    {
        var certificate = _authority.Issue("else.test", TimeSpan.FromDays(-1));
        await using var mta = new ScriptedMta { Certificate = certificate };
        await using var dns = Dns(mta, (3, selector, matching, Data(certificate, selector, matching)));

        // A policy would want another certificate: TLSA comes first.
        Assert.Equal(ResultKind.Relayed, (await AttemptAsync(mta, Policy(StsPolicy.Enforce, Mx), dns: dns)).Kind);
        Assert.Equal(["one.test tlsa success"], _results.Counted);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    public async Task Dane_AnotherCertificate_SendsNothing(int usage)
    {
        using var other = new TestAuthority();
        await using var mta = new ScriptedMta { Certificate = _authority.Issue(Mx), Chain = _authority.Roots };
        await using var dns = Dns(mta, (usage, 1, 1, Data(other.Root, 1, 1)));

        Assert.Equal("4.7.5", (await AttemptAsync(mta, null, dns: dns)).Status);
        Assert.Empty(mta.Messages);
        Assert.Equal(["one.test tlsa tlsa-invalid"], _results.Counted);
    }

    [Theory]
    [InlineData(Mx, "below", 1, 1, true)]
    [InlineData(Mx, "below", 0, 2, true)]
    [InlineData(Mx, "root", 0, 0, true)] // the record itself brings it
    [InlineData(Mx, "root", 0, 1, false)] // nobody brings it
    [InlineData("one.test", "below", 1, 1, true)] // RFC 7672 §3.2.2: the mail's domain will do
    [InlineData("else.test", "below", 1, 1, false)]
    public async Task Dane_Anchor_HasToBeAboveACertificateOfTheName(string certified, string anchor, int selector, int matching, bool taken)
    {
        var below = _authority.Below();
        await using var mta = new ScriptedMta { Certificate = below.Issue(certified), Chain = [below.Root] };
        await using var dns = Dns(mta, (2, selector, matching, Data(anchor == "root" ? _authority.Root : below.Root, selector, matching)));
        using var unrelated = new TestAuthority();

        var result = await AttemptAsync(mta, null, dns: dns, authorities: unrelated.Roots);

        Assert.Equal(
            (taken, taken ? "success" : "tlsa-invalid"),
            (result.Kind == ResultKind.Relayed, Assert.Single(_results.Counted).Split(' ')[2]));
    }

    [Fact]
    public void Dane_AnchorThatIsSentAlongButHasSignedNothing_IsNotBelieved()
    {
        using var attacker = new TestAuthority();
        var rule = new DaneRule([new TlsaAssociation(2, 1, 1, Data(_authority.Root, 1, 1))], "one.test");
        var below = _authority.Below();

        Assert.True(rule.Accepts(below.Issue(Mx), [below.Root, _authority.Root], Mx, DateTimeOffset.UtcNow));
        Assert.False(rule.Accepts(attacker.Issue(Mx), [_authority.Root], Mx, DateTimeOffset.UtcNow));
        Assert.False(rule.Accepts(attacker.Issue(Mx), [attacker.Root, _authority.Root], Mx, DateTimeOffset.UtcNow));
    }

    [Fact]
    public async Task Dane_ExpiredBelowItsAnchor_SendsNothing()
    {
        await using var mta = new ScriptedMta { Certificate = _authority.Issue(Mx, TimeSpan.FromDays(-1)), Chain = _authority.Roots };
        await using var dns = Dns(mta, (2, 1, 1, Data(_authority.Root, 1, 1)));

        Assert.Equal(ResultKind.Deferred, (await AttemptAsync(mta, null, dns: dns)).Kind);
    }

    [Theory]
    [InlineData("one.test")]
    [InlineData(Mx)]
    [InlineData("_tcp")]
    public async Task Dane_AnswersThatAreNotAuthentic_SayNothing(string name)
    {
        await using var mta = new ScriptedMta { Certificate = _authority.Issue("else.test") };
        await using var dns = Dns(mta, (3, 1, 1, new byte[32]));
        dns.Authentic = n => name == "_tcp" ? !n.StartsWith('_') : n != name;

        Assert.Equal(ResultKind.Relayed, (await AttemptAsync(mta, null, dns: dns)).Kind);
        Assert.Equal(["one.test no-policy-found success"], _results.Counted);
    }

    [Fact]
    public async Task Dane_ResolverThatIsNotTrusted_SaysNothing()
    {
        await using var mta = new ScriptedMta();
        await using var dns = Dns(mta, (3, 1, 1, new byte[32]));

        Assert.Equal(ResultKind.Relayed, (await AttemptAsync(mta, null, dns: dns, dnssec: false)).Kind);
        Assert.DoesNotContain(dns.Questions, q => q.StartsWith('_'));
    }

    [Theory]
    [InlineData(true, ResultKind.Relayed, "success")]
    [InlineData(false, ResultKind.Deferred, "starttls-not-supported")]
    public async Task Dane_RecordsOfNoUse_WantTlsAndNoMore(bool tls, string kind, string counted)
    {
        await using var mta = new ScriptedMta { Certificate = tls ? _authority.Issue("else.test") : null };
        await using var dns = Dns(mta, (1, 1, 1, new byte[32]), (3, 1, 9, new byte[32]));

        Assert.Equal(kind, (await AttemptAsync(mta, null, dns: dns)).Kind);
        Assert.Equal([$"one.test tlsa {counted}"], _results.Counted);
    }

    [Fact]
    public async Task Dane_RecordsThatCantBeLookedUp_LeaveTheHostAlone()
    {
        await using var mta = new ScriptedMta();
        await using var dns = new DnsServer { Trouble = n => n.StartsWith('_') ? 2 : null, Authentic = _ => true };
        dns.AddMx("one.test", 10, Mx).AddAddress(Mx, "127.0.0.1");

        Assert.Equal("4.7.5", (await AttemptAsync(mta, null, dns: dns)).Status);
        Assert.Equal(0, mta.Connections);
        Assert.Equal(["one.test tlsa dnssec-invalid"], _results.Counted);
    }

    [Fact]
    public async Task FirstExchangeThatFails_TheNextOneIsTried()
    {
        var good = _authority.Issue("good.test");
        await using var mta = new ScriptedMta { Certificate = good };
        await using var dns = new DnsServer { Authentic = _ => true };
        dns.AddMx("one.test", 10, Mx).AddMx("one.test", 20, "good.test").AddAddress(Mx, "127.0.0.1").AddAddress("good.test", "127.0.0.1")
            .AddTlsa($"_{mta.Port}._tcp.{Mx}", 3, 1, 1, new byte[32]).AddTlsa($"_{mta.Port}._tcp.good.test", 3, 1, 1, Data(good, 1, 1));

        Assert.Equal(
            (ResultKind.Relayed, "good.test"),
            (await AttemptAsync(mta, null, dns: dns)) is var result ? (result.Kind, result.RemoteHost) : default);
        Assert.Equal(["one.test tlsa tlsa-invalid", "one.test tlsa success"], _results.Counted);
    }

    [Fact]
    public async Task TimeOfAnAttemptOverBeforeAHostIsAsked_Defers()
    {
        await using var dns = Dns();
        var options = new RelayOptions
        {
            HostName = "mail.example.test",
            AllowedNetworks = TestedRelay.Loopback,
            Resolver = dns.EndPoint,
            AttemptTimeout = TimeSpan.FromMilliseconds(200),
        };

        var results = await TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), _store, new EndlessPolicies(), _results)
            .AttemptAsync(Job(), TestContext.Current.CancellationToken);

        Assert.Equal((ResultKind.Deferred, "4.4.1"), (results[0].Kind, results[0].Status));
    }

    public void Dispose() => _authority.Dispose();

    private sealed class EndlessPolicies : IStsPolicies
    {
        public async Task<StsPolicy?> FindAsync(string domain, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return null;
        }
    }

    private static byte[] Data(X509Certificate2 certificate, int selector, int matching)
    {
        var selected = selector == 0 ? certificate.RawData : certificate.PublicKey.ExportSubjectPublicKeyInfo();
        return matching == 0 ? selected : matching == 1 ? SHA256.HashData(selected) : SHA512.HashData(selected);
    }

    private static DnsServer Dns() =>
        new DnsServer { Authentic = _ => true }.AddMx("one.test", 10, Mx).AddAddress(Mx, "127.0.0.1").AddEmpty($"_tcp.{Mx}");

    private static DnsServer Dns(ScriptedMta mta, params (int Usage, int Selector, int Matching, byte[] Data)[] records)
    {
        var dns = Dns();
        foreach (var (usage, selector, matching, data) in records)
        {
            dns.AddTlsa($"_{mta.Port}._tcp.{Mx}", usage, selector, matching, data);
        }

        return dns;
    }

    private static StsPolicy Policy(string mode, string mx) => new("one.test", "1", mode, [mx], DateTimeOffset.MaxValue);

    private static OutboundJob Job(bool requireTls = false) => new()
    {
        Id = "m-x",
        Domain = "one.test",
        MessageId = "m",
        Blob = Blob,
        Size = 100,
        MailFrom = new ReversePath { Address = "alice@example.test", RequireTls = requireTls },
        ReceivedAt = DateTimeOffset.UtcNow,
        Recipients = [new OutboundRecipient { Address = "a@one.test" }],
        NextAttempt = DateTimeOffset.UtcNow,
    };

    private RelayOptions Options(ScriptedMta mta) =>
        new()
        {
            HostName = "mail.example.test",
            AllowedNetworks = TestedRelay.Loopback,
            MxPort = mta.Port,
            Authorities = _authority.Roots,
            ResolverTimeout = TimeSpan.FromSeconds(2),
        };

    private async Task<RecipientResult> AttemptAsync(
        ScriptedMta mta, StsPolicy? policy, OutboundJob? job = null, DnsServer? dns = null, bool dnssec = true,
        X509Certificate2Collection? authorities = null)
    {
        await using var own = Dns();
        var options = Options(mta) with { Resolver = (dns ?? own).EndPoint, Dnssec = dnssec };
        options = authorities is null ? options : options with { Authorities = authorities };
        var relay = TestedRelay.Create(options, new DnsExchanges(options, Random.Shared), _store, new FixedPolicies(policy), _results);
        return Assert.Single(await relay.AttemptAsync(job ?? Job(), TestContext.Current.CancellationToken));
    }
}
