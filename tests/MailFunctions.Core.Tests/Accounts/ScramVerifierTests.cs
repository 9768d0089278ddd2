using MailFunctions.Core.Accounts;
using Xunit;

namespace MailFunctions.Core.Tests.Accounts;

public sealed class ScramVerifierTests
{
    [Fact]
    public void Matches_Rfc7677Example_ByItsKeys()
    {
        // RFC 7677 §3: user "user", password "pencil", 4096 iterations. The keys below follow from its proof and signature.
        var salt = Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ==");
        var verifier = new ScramVerifier(
            salt,
            4096,
            Convert.FromBase64String("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="),
            Convert.FromBase64String("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="));

        Assert.True(verifier.Matches("pencil"));
        Assert.False(verifier.Matches("Pencil"));
    }

    [Fact]
    public void Create_SamePasswordTwice_GivesOtherSalts()
    {
        var one = ScramVerifier.Create("pencil", 4096);
        var two = ScramVerifier.Create("pencil", 4096);

        Assert.NotEqual(one.Salt, two.Salt);
        Assert.True(one.Matches("pencil") && two.Matches("pencil"));
    }

    [Fact]
    public void ToString_Verifier_ShowsNoKey()
    {
        var verifier = ScramVerifier.Create("pencil", 4096);

        Assert.Equal("ScramVerifier { Iterations = 4096 }", verifier.ToString());
    }

    [Theory]
    [InlineData("I\u00ADX", "IX")] // RFC 4013 §3
    [InlineData("user", "user")]
    [InlineData("USER", "USER")]
    [InlineData("\u00AA", "a")]
    [InlineData("\u2168", "IX")]
    [InlineData("a\u00A0b", "a b")]
    public void Prepare_Rfc4013Examples_AreMapped(string text, string prepared) =>
        Assert.Equal(prepared, SaslPrep.Prepare(text));

    [Theory]
    [InlineData("\u0007")]
    [InlineData("\u0627\u0031")] // RandALCat without one at the end
    [InlineData("a\u0085")]
    [InlineData("\u0627a\u0627")]
    public void Prepare_Prohibited_IsRefused(string text) => Assert.Null(SaslPrep.Prepare(text));
}
