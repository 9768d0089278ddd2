using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>How much goes to one destination.</summary>
public sealed class DestinationLimitsTests
{
    private readonly SetTime _time = new();

    [Fact]
    public void Enter_MoreThanMayBeThereAtOnce_Waits()
    {
        var limits = Limits(new RelayOptions { MaxConnections = 2 });
        var first = Entered(limits, "one.test");
        Entered(limits, "one.test");

        var waits = Enumerable.Range(0, 50)
            .Select(_ => Assert.IsType<Permit.Throttled>(limits.Enter("one.test", isLast: false)).Until - _time.Now).ToList();

        Assert.All(waits, w => Assert.InRange(w, TimeSpan.FromSeconds(1), DestinationLimits.LongestWait));
        Assert.True(waits[^1] > waits[0] + TimeSpan.FromSeconds(20)); // they don't all come again at once
        Entered(limits, "two.test");
        limits.Leave(first, []);
        Entered(limits, "one.test");
    }

    [Fact]
    public void Enter_MessagesAMinute_AreSpreadOverIt()
    {
        var limits = Limits(new RelayOptions { MessagesPerMinute = 60 });
        var perMinute = new List<int>();
        for (var minute = 0; minute < 3; minute++)
        {
            var count = 0;
            for (var second = 0; second < 60; second++, _time.Now += TimeSpan.FromSeconds(1))
            {
                for (var i = 0; i < 5; i++)
                {
                    if (limits.Enter("one.test", isLast: false) is Permit.Granted entered)
                    {
                        limits.Leave(entered, []);
                        count++;
                    }
                }
            }

            perMinute.Add(count);
        }

        Assert.Equal([69, 60, 60], perMinute); // ten seconds' worth may come at once at first
    }

    [Theory]
    [InlineData("421", "4.3.2", "421 4.3.2 Closing", true)]
    [InlineData("450", "4.7.1", "450 4.7.1 Slow down", true)]
    [InlineData("450", "4.2.0", "450 4.2.0 Greylisted", false)]
    public void Leave_PeerAsksForLess_RestsTwiceAsLongEachTimeUntilSomethingIsTaken(string _, string status, string reply, bool rests)
    {
        var limits = Limits(new RelayOptions());
        var lengths = new List<double>();
        for (var i = 0; i < 7; i++)
        {
            limits.Leave(Entered(limits, "one.test"), [Result(ResultKind.Deferred, status, reply)]);
            if (!rests)
            {
                Entered(limits, "one.test");
                return;
            }

            var until = Assert.IsType<Permit.BackingOff>(limits.Enter("one.test", isLast: false)).Until;
            lengths.Add((until - _time.Now).TotalMinutes);
            _time.Now = until;
        }

        Assert.All(lengths.Zip((double[])[1, 2, 4, 8, 16, 30, 30]), l => Assert.InRange(l.First, l.Second, l.Second * 1.2));
        var probe = Entered(limits, "one.test");
        Assert.IsType<Permit.Throttled>(limits.Enter("one.test", isLast: false)); // one goes ahead
        limits.Leave(probe, [Result(ResultKind.Relayed, "2.0.0", "250 OK")]);
        Entered(limits, "one.test");
        Entered(limits, "one.test");
    }

    [Fact]
    public void Leave_ManyThatWereOnTheirWay_MakeOneRest()
    {
        var limits = Limits(new RelayOptions());
        var all = Enumerable.Range(0, 16).Select(_ => Entered(limits, "one.test")).ToList();

        all.ForEach(e => limits.Leave(e, [Result(ResultKind.Deferred, "4.3.2", "421 4.3.2 Closing")]));

        Assert.InRange(
            Assert.IsType<Permit.BackingOff>(limits.Enter("one.test", isLast: false)).Until - _time.Now,
            TimeSpan.FromMinutes(1),
            TimeSpan.FromMinutes(1.2));
    }

    [Fact]
    public void Leave_OwnTroubleOrSomethingTaken_MakesNoRest()
    {
        var limits = Limits(new RelayOptions());

        limits.Leave(Entered(limits, "one.test"), [Result(ResultKind.Deferred, "4.7.5", "TLS could not be agreed on", remote: null)]);
        limits.Leave(
            Entered(limits, "one.test"),
            [Result(ResultKind.Deferred, "4.7.1", "450 4.7.1 Not you"), Result(ResultKind.Relayed, "2.0.0", "250 OK")]);

        Entered(limits, "one.test");
    }

    [Fact]
    public void Smarthost_421RestsItAnd47xTheDomainAlone()
    {
        var limits = Limits(
            new RelayOptions { Routes = [new RelayRoute("*", new RelayHost("smart.test", 587, RelayTls.StartTls, null, null))] });

        limits.Leave(Entered(limits, "one.test"), [Result(ResultKind.Deferred, "4.7.1", "450 4.7.1 Not for this domain")]);
        Assert.IsType<Permit.BackingOff>(limits.Enter("one.test", isLast: false));
        var other = Entered(limits, "two.test");

        limits.Leave(other, [Result(ResultKind.Deferred, "4.3.2", "421 4.3.2 Closing")]);
        Assert.IsType<Permit.BackingOff>(limits.Enter("two.test", isLast: false));
        Assert.IsType<Permit.BackingOff>(limits.Enter("three.test", isLast: false));
    }

    [Fact]
    public void Enter_LastAttempt_IsMadeInARestToo()
    {
        var limits = Limits(new RelayOptions());
        limits.Leave(Entered(limits, "one.test"), [Result(ResultKind.Deferred, "4.3.2", "421 4.3.2 Closing")]);

        Assert.IsType<Permit.Granted>(limits.Enter("one.test", isLast: true));
    }

    [Fact]
    public void Enter_MoreDestinationsThanAreRemembered_KeepsTheBound()
    {
        var limits = Limits(new RelayOptions());
        var busy = Entered(limits, "busy.test");
        for (var i = 0; i < 3 * DestinationLimits.MaxDestinations; i++)
        {
            limits.Leave(Entered(limits, $"d{i}.test"), [Result(ResultKind.Deferred, "4.3.2", "421 4.3.2 Closing")]);
        }

        Assert.InRange(limits.Count, 1, DestinationLimits.MaxDestinations);
        limits.Leave(busy, []);
    }

    private static Permit.Granted Entered(DestinationLimits limits, string domain) =>
        Assert.IsType<Permit.Granted>(limits.Enter(domain, isLast: false));

    private DestinationLimits Limits(RelayOptions options) => new(options, _time, new Random(1));

    private RecipientResult Result(string kind, string status, string reply, string? remote = "mx.test") =>
        new(new OutboundRecipient { Address = "a@one.test" }, kind, status, reply, remote, _time.Now);
}
