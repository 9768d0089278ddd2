using MailFunctions.Core.Accounts;
using Xunit;

namespace MailFunctions.Core.Tests.Accounts;

/// <summary>App passwords: an id in front that names the verifier, and a secret that needs no rounds.</summary>
public sealed class GeneratedPasswordTests
{
    [Fact]
    public void Create_TheIdStandsInFrontAndTheVerifierIsCheapAndItsOwn()
    {
        var made = GeneratedPassword.Create([]);
        var other = GeneratedPassword.Create([]);

        Assert.Equal(made.Id, GeneratedPassword.IdOf(made.Password));
        Assert.True(made.Verifier.Matches(made.Password));
        Assert.False(made.Verifier.Matches(other.Password));
        Assert.True(GeneratedPassword.IsCheap(made.Verifier));
        Assert.Equal(made.Password, SaslPrep.Prepare(made.Password));
    }

    /// <summary>One round of PBKDF2 is only safe over what can't be guessed.</summary>
    [Fact]
    public void Create_TheSecretHas128BitsAndMore()
    {
        var letters = Enumerable.Range(0, 200)
            .SelectMany(_ => GeneratedPassword.Create([]).Password[GeneratedPassword.IdLength..]).Distinct().Count();

        Assert.True(GeneratedPassword.SecretLength * Math.Log2(letters) >= 128, $"{GeneratedPassword.SecretLength} letters of {letters}");
    }

    [Fact]
    public void Create_IdThatIsTaken_IsNotGivenAgain()
    {
        var ids = new HashSet<string>();
        for (var i = 0; i < 1000; i++)
        {
            Assert.True(ids.Add(GeneratedPassword.Create(ids).Id));
        }
    }

    [Theory]
    [InlineData("abcdefghijkmnpqrstuv", true)]
    [InlineData("abcdefghijkmnpqrstu", false)]
    [InlineData("abcdefghijkmnpqrstul", false)] // no l: it looks like 1
    [InlineData("correct horse battry", false)]
    public void HasOldForm_TwentyOfTheLetters(string password, bool expected)
    {
        Assert.Equal(expected, GeneratedPassword.HasOldForm(password));
        Assert.Null(GeneratedPassword.IdOf(password));
    }
}
