using CsCheck;
using MailFunctions.Core.Addresses;
using Xunit;

namespace MailFunctions.Core.Tests.Addresses;

public sealed class EmailAddressTests
{
    [Theory]
    [InlineData("alice@example.test", "alice", "example.test")]
    [InlineData("a.b+tag@Example.TEST", "a.b+tag", "example.test")]
    [InlineData("!#$%&'*+-/=?^_`{|}~@example.test", "!#$%&'*+-/=?^_`{|}~", "example.test")]
    [InlineData("\"a b\"@example.test", "a b", "example.test")]
    [InlineData("\"a\\\"b\\\\c\"@example.test", "a\"b\\c", "example.test")]
    [InlineData("\"@\"@example.test", "@", "example.test")]
    [InlineData("müller@bücher.example", "müller", "xn--bcher-kva.example")]
    [InlineData("x@XN--BCHER-KVA.example", "x", "xn--bcher-kva.example")]
    [InlineData("x@[192.0.2.1]", "x", "[192.0.2.1]")]
    [InlineData("x@[IPv6:2001:db8::1]", "x", "[ipv6:2001:db8::1]")]
    public void TryParse_Mailbox_SplitsAndNormalizes(string text, string localPart, string domain)
    {
        var address = EmailAddress.Parse(text);

        Assert.NotNull(address);
        Assert.Equal((localPart, domain), (address.LocalPart, address.Domain));
    }

    [Theory]
    [InlineData("")]
    [InlineData("alice")]
    [InlineData("@example.test")]
    [InlineData("alice@")]
    [InlineData(".a@example.test")]
    [InlineData("a.@example.test")]
    [InlineData("a..b@example.test")]
    [InlineData("a b@example.test")]
    [InlineData("a@b@example.test")]
    [InlineData("\"a@example.test")]
    [InlineData("\"a\"b@example.test")]
    [InlineData("\"\"@example.test")]
    [InlineData("\"a\0b\"@example.test")]
    [InlineData("a@-example.test")]
    [InlineData("a@example..test")]
    [InlineData("a@example.test.")]
    [InlineData("a@exam_ple.test")]
    [InlineData("a@[192.0.2]")]
    [InlineData("a@[0x7f.0.0.1]")]
    [InlineData("a@[IPv6:fe80::1%eth0]")]
    [InlineData("a@[300.0.2.1]")]
    [InlineData("a@example.test\r\n")]
    [InlineData("a\u0085@example.test")]
    [InlineData("a\uFFFD@example.test")]
    [InlineData("a@xn--\u00fc.test")]
    public void TryParse_NotAMailbox_IsRefused(string text) => Assert.Null(EmailAddress.Parse(text));

    /// <summary>What senders elsewhere have is taken for a reverse-path, and written so that it can be read again.</summary>
    [Theory]
    [InlineData("a..b@example.test", "\"a..b\"@example.test")]
    [InlineData("a.@example.test", "\"a.\"@example.test")]
    [InlineData(".a@example.test", "\".a\"@example.test")]
    [InlineData("a@Mail_out.example.test", "a@mail_out.example.test")]
    [InlineData("a@_dmarc.b\u00FCcher.test", "a@_dmarc.xn--bcher-kva.test")]
    [InlineData("me+caf_=a.very.long.name.of.somebody.with.a.mailbox=forwarded.example.test@mail.test", null)]
    [InlineData("a.b@example.test", null)]
    [InlineData("\"two words\"@example.test", null)]
    [InlineData("x@[192.0.2.1]", null)]
    public void ParseReversePath_SenderElsewhere_IsWrittenByTheGrammar(string text, string? expected)
    {
        var address = EmailAddress.ParseReversePath(text);

        Assert.Equal(expected ?? text, address?.ToString());
        Assert.Equal(address, EmailAddress.ParseReversePath(address!.ToString()));
        Assert.Equal(address, EmailAddress.ParseReversePath(address.ToCanonicalString()));
    }

    [Theory]
    [InlineData("@example.test")]
    [InlineData("a b@example.test")]
    [InlineData("a@b@example.test")]
    [InlineData("a@-example.test")]
    [InlineData("a@example..test")]
    [InlineData("a@exam ple.test")]
    [InlineData("a\0@example.test")]
    [InlineData("a>@example.test")]
    public void ParseReversePath_NotAMailbox_IsRefused(string text) => Assert.Null(EmailAddress.ParseReversePath(text));

    [Fact]
    public void ParseReversePath_Length_IsBounded()
    {
        Assert.NotNull(EmailAddress.ParseReversePath(new string('a', EmailAddress.MaxOctets - 7) + "@b.test"));
        Assert.Null(EmailAddress.ParseReversePath(new string('a', EmailAddress.MaxOctets - 6) + "@b.test"));
        Assert.Null(EmailAddress.ParseReversePath(new string('\u00FC', 253) + "@b.test"));
        // with its quotes it is too long
        Assert.Null(EmailAddress.ParseReversePath(new string('a', EmailAddress.MaxOctets - 8) + ".@b.test"));
    }

    [Fact]
    public void TryParse_LoneSurrogate_IsRefused()
    {
        Assert.Null(EmailAddress.Parse("a" + (char)0xD800 + "@example.test"));
        Assert.Null(EmailAddress.Parse("\"a" + (char)0xDC00 + "\"@example.test"));
        Assert.NotNull(EmailAddress.Parse("a\U0001F600@example.test"));
    }

    [Fact]
    public void TryParse_LocalPartOf65Octets_IsRefused()
    {
        Assert.NotNull(EmailAddress.Parse(new string('a', 64) + "@example.test"));
        Assert.Null(EmailAddress.Parse(new string('a', 65) + "@example.test"));
        Assert.Null(EmailAddress.Parse(new string('ü', 33) + "@example.test"));
    }

    [Fact]
    public void Equals_OtherCaseAndOtherFormOfTheDomain_IsTheSameMailbox()
    {
        Assert.Equal(EmailAddress.Parse("Alice@bücher.example"), EmailAddress.Parse("alice@XN--bcher-kva.EXAMPLE"));
        Assert.Equal(EmailAddress.Parse("u\u0308@example.test"), EmailAddress.Parse("\u00fc@example.test"));
        Assert.NotEqual(EmailAddress.Parse("a.lice@example.test"), EmailAddress.Parse("alice@example.test"));
    }

    [Fact]
    public void ToString_AnyAddress_ParsesToTheSame() =>
        Gen.OneOf(Gen.Char[' ', '~'], Gen.Const('"'), Gen.Const('\\'), Gen.Const('ü')).Array[1, 20].Sample(characters =>
        {
            var quoted = string.Concat(characters.Select(c => c is '"' or '\\' ? $"\\{c}" : $"{c}"));
            var address = EmailAddress.Parse($"\"{quoted}\"@example.test");
            Assert.NotNull(address);
            Assert.Equal(address, EmailAddress.Parse(address.ToString()));
            Assert.Equal(address, EmailAddress.Parse(address.ToCanonicalString()));
        });

    [Fact]
    public void TryParse_AnyText_NeverThrows() =>
        Gen.String.Sample(text => EmailAddress.Parse(text) is null || text.Contains('@', StringComparison.Ordinal), iter: 2000);
}
