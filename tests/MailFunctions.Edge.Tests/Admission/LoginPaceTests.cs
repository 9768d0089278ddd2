using MailFunctions.Core.Accounts;
using MailFunctions.Core.Addresses;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.TestKit;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Admission;

/// <summary>`Pop3__LoginDelay` (RFC 2449 §6.5): the next login of an account waits, and only of that account.</summary>
public sealed class LoginPaceTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void TryEnter_Again_IsToldWhatIsLeft()
    {
        using var pace = Pace(60);

        Assert.Equal(TimeSpan.Zero, pace.TryEnter(Account("alice")));
        _time.Advance(TimeSpan.FromSeconds(20));

        Assert.Equal(TimeSpan.FromSeconds(40), pace.TryEnter(Account("alice")));
        Assert.Equal(TimeSpan.Zero, pace.TryEnter(Account("bob")));
    }

    [Fact]
    public void TryEnter_Refused_DoesNotBeginTheWaitAnew()
    {
        using var pace = Pace(60);
        pace.TryEnter(Account("alice"));
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            Assert.NotEqual(TimeSpan.Zero, pace.TryEnter(Account("alice")));
        }

        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(TimeSpan.Zero, pace.TryEnter(Account("alice")));
    }

    [Fact]
    public void TryEnter_ByManyAtOnce_LetsOneIn()
    {
        using var pace = Pace(60);

        var entered = Enumerable.Range(0, 100).AsParallel().Count(_ => pace.TryEnter(Account("alice")) == TimeSpan.Zero);

        Assert.Equal(1, entered);
    }

    [Fact]
    public void TryEnter_NoDelaySet_NeverWaits()
    {
        using var pace = Pace(0);

        Assert.All(Enumerable.Range(0, 10), _ => Assert.Equal(TimeSpan.Zero, pace.TryEnter(Account("alice"))));
    }

    private LoginPace Pace(int seconds) => new(Options.Create(new Pop3Options { LoginDelay = TimeSpan.FromSeconds(seconds) }), _time);

    private static AuthenticatedAccount Account(string name) => new(EmailAddress.Parse($"{name}@example.test")!, name);
}
