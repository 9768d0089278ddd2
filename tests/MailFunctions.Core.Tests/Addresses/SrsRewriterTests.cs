using MailFunctions.Core.Addresses;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Core.Tests.Addresses;

/// <summary>Senders rewritten for forwarded mail, and found again.</summary>
public sealed class SrsRewriterTests
{
    private readonly SetTime _clock = new();

    [Theory]
    [InlineData("sender@elsewhere.test")]
    [InlineData("first.last+tag=x@elsewhere.test")]
    [InlineData("\"quoted part\"@elsewhere.test")]
    [InlineData("a..b@elsewhere.test")]
    [InlineData("sender@else_where.test")]
    public void Unwrap_WhatRewriteMade_IsTheSender(string text)
    {
        var sender = EmailAddress.ParseReversePath(text)!;
        var rewritten = Srs().Rewrite(sender, "example.test")!;

        Assert.Equal("example.test", rewritten.Domain);
        var parsed = EmailAddress.Parse(rewritten.ToString())!;
        Assert.Equal(sender, Srs().Unwrap(parsed));
        Assert.Equal(sender, Srs().Unwrap(parsed.WithLocalPart(parsed.LocalPart.ToLowerInvariant())));
    }

    // roehling/postsrsd#68 (domains of 16 letters), #85 (servers that change the case), #189 (signs that some refuse), #100 (a
    // sender that another forwarder has rewritten).
    [Fact]
    public void Unwrap_DomainsOfEveryLengthInAnyCase_IsTheSender()
    {
        for (var length = 1; length <= 30; length++)
        {
            var sender = EmailAddress.Parse($"Foo.Bar@{new string('d', length)}.test")!;
            var rewritten = Srs().Rewrite(sender, "example.test")!;

            Assert.Matches("^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=", rewritten.LocalPart);
            Assert.Equal(sender, Srs().Unwrap(rewritten));
            Assert.Equal(sender, Srs().Unwrap(rewritten.WithLocalPart(rewritten.LocalPart.ToUpperInvariant())));
        }
    }

    [Theory]
    [InlineData("SRS0=7mIz=Z5=x.test=bar@my.test")]
    [InlineData("SRS1=rtva=wxbs=3g=a=b@m.test")]
    [InlineData("name+caf_=to=y.test@z.test")]
    [InlineData("=@z.test")]
    public void Unwrap_SenderThatHasEqualSignsItself_IsTheSender(string text)
    {
        var sender = EmailAddress.Parse(text)!;

        Assert.Equal(sender.ToString(), Srs().Unwrap(Srs().Rewrite(sender, "example.test")!)!.ToString());
    }

    [Fact]
    public void Unwrap_AfterItsDays_IsNothing()
    {
        var rewritten = Srs().Rewrite(EmailAddress.Parse("sender@elsewhere.test")!, "example.test")!;
        _clock.Now += TimeSpan.FromDays(11); // five of ours, five of the next host's, one that is rounded
        Assert.NotNull(Srs().Unwrap(rewritten));
        _clock.Now += TimeSpan.FromDays(1);

        Assert.Null(Srs().Unwrap(rewritten));
    }

    [Fact]
    public void Unwrap_AddressOfAnotherKeyOrChanged_IsNothing()
    {
        var rewritten = Srs().Rewrite(EmailAddress.Parse("sender@elsewhere.test")!, "example.test")!;

        Assert.Null(new SrsRewriter("another key here"u8.ToArray(), _clock).Unwrap(rewritten));
        Assert.Null(Srs().Unwrap(rewritten.WithLocalPart(rewritten.LocalPart.Replace("sender", "victim", StringComparison.Ordinal))));
        foreach (var localPart in (string[])["SRS0=", "SRS0====", "SRS0=x=y=z", "SRS0=aaaaaaaa=??=a.test=b", "alice"])
        {
            Assert.Null(Srs().Unwrap(rewritten.WithLocalPart(localPart)));
        }
    }

    [Fact]
    public void Rewrite_SenderThatDoesNotFit_IsNothing() =>
        Assert.Null(Srs().Rewrite(EmailAddress.Parse(new string('a', 50) + "@elsewhere.test")!, "example.test"));

    private SrsRewriter Srs() => new("a key of some length"u8.ToArray(), _clock);
}
