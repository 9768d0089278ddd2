using System.ComponentModel.DataAnnotations;
using MailFunctions.Functions.Dkim;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace MailFunctions.Functions.Tests.Dkim;

/// <summary>The section `Dkim`.</summary>
public sealed class DkimOptionsTests
{
    [Fact]
    public void Read_Nothing_HasNoStore() => Assert.Null(Read().CreateStore());

    [Theory]
    [InlineData("KeyVaultUri", "https://vault.vault.azure.net/")]
    [InlineData("KeyDirectory", "keys")]
    public void Read_AnyPlace_HasAStore(string key, string value) => Assert.NotNull(Read((key, value)).CreateStore());

    [Fact]
    public void Read_WrongValues_SaysWhichKey()
    {
        Assert.StartsWith(
            "Dkim__KeyVaultUri: ",
            Assert.Throws<ValidationException>(() => Read(("KeyVaultUri", "http://vault.test"))).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            "Dkim__KeyVaultUri: ",
            Assert.Throws<ValidationException>(() => Read(("KeyVaultUri", "vault"))).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            "Dkim__KeyDirectory: ",
            Assert.Throws<ValidationException>(() => Read(("KeyVaultUri", "https://vault.test"), ("KeyDirectory", "keys"))).Message,
            StringComparison.Ordinal);
    }

    private static DkimOptions Read(params (string Key, string Value)[] settings) => DkimOptions.Read(
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create<string, string?>("Dkim:" + s.Key, s.Value))).Build());
}
