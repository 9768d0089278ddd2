using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Admission;

/// <summary>Messages and recipients an hour, per client and per account.</summary>
public sealed class MailRatesTests
{
    [Fact]
    public void TakeMessage_ClientHasUsedItsHour_RefusesThatClientOnly()
    {
        using var rates = new MailRates(Options.Create(new RateOptions { MessagesPerClient = 3 }));

        Assert.Equal(3, Enumerable.Range(0, 10).Count(_ => rates.TakeMessage(null, "192.0.2.1")));
        Assert.True(rates.TakeMessage(null, "192.0.2.2"));
    }

    [Fact]
    public void TakeMessage_AddressesOfOneIPv6Network_ShareTheRate()
    {
        using var rates = new MailRates(Options.Create(new RateOptions { MessagesPerClient = 3 }));

        Assert.Equal(3, Enumerable.Range(1, 9).Count(i => rates.TakeMessage(null, $"2001:db8::{i}")));
    }

    [Fact]
    public void TakeMessage_Account_IsCountedWhereverItSendsFrom()
    {
        using var rates = new MailRates(Options.Create(new RateOptions { MessagesPerAccount = 2, MessagesPerClient = 1 }));

        Assert.Equal(2, Enumerable.Range(1, 9).Count(i => rates.TakeMessage("alice@example.test", $"192.0.2.{i}")));
        Assert.True(rates.TakeMessage("bob@example.test", "192.0.2.1"));
        Assert.True(rates.TakeMessage(null, "192.0.2.1"));
    }

    [Fact]
    public void TakeRecipient_CountedApartFromMessages()
    {
        using var rates = new MailRates(Options.Create(new RateOptions { RecipientsPerClient = 4, MessagesPerClient = 1 }));
        rates.TakeMessage(null, "192.0.2.1");

        Assert.Equal(4, Enumerable.Range(0, 9).Count(_ => rates.TakeRecipient(null, "192.0.2.1")));
    }

    [Fact]
    public void TakeMessage_RateZero_HasNoLimit()
    {
        using var rates = new MailRates(Options.Create(new RateOptions { MessagesPerClient = 0 }));

        Assert.Equal(1000, Enumerable.Range(0, 1000).Count(_ => rates.TakeMessage(null, "192.0.2.1")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(59)]
    [InlineData(60)]
    [InlineData(100)]
    [InlineData(10_000)]
    public void Refill_AnyRate_GivesThatManyAnHour(int perHour)
    {
        var refill = MailRates.Refill(perHour);

        Assert.Equal(perHour, TimeSpan.FromHours(1) / refill.ReplenishmentPeriod * refill.TokensPerPeriod, 0.001 * perHour);
        Assert.Equal(perHour, refill.TokenLimit);
    }
}
