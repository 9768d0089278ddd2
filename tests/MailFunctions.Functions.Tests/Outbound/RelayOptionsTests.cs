using System.ComponentModel.DataAnnotations;
using System.Net;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Hosts;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>The section `Relay`.</summary>
public sealed class RelayOptionsTests
{
    [Fact]
    public void Read_Nothing_GoesByMx() => Assert.Empty(Read().Routes);

    [Fact]
    public void Read_SmarthostAndRoutes_PutsTheSmarthostLast()
    {
        var options = Read(
            ("MailHostName", "mail.example.test"),
            ("Relay:Smarthost", "smtp.host.test:2525"),
            ("Relay:Routes:0:Domain", "*.Intern.test"),
            ("Relay:Routes:0:Smarthost", "10.0.0.1:25"),
            ("Relay:Routes:0:Tls", "none"),
            ("Relay:Retry", "00:00:10,00:01:00"),
            ("Relay:GiveUpAfter", "1.00:00:00"),
            ("Relay:Resolver", "127.0.0.1:5353"));

        Assert.Equal(
            ["*.intern.test 10.0.0.1:25 None", "* smtp.host.test:2525 Opportunistic"],
            options.Routes.Select(r => $"{r.Pattern} {r.Host} {r.Host.Tls}"));
        Assert.Equal("mail.example.test", options.HostName);
        Assert.Equal([TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(1)], options.Schedule.Waits);
        Assert.Equal(TimeSpan.FromDays(1), options.Schedule.GiveUpAfter);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 5353), options.Resolver);
    }

    [Fact]
    public void Read_Credentials_AskForTlsThatIsChecked()
    {
        var host =
            Assert.Single(Read(("Relay:Smarthost", "smtp.host.test"), ("Relay:UserName", "u"), ("Relay:Password", "secret word")).Routes)
            .Host;

        Assert.Equal((587, RelayTls.StartTls), (host.Port, host.Tls));
        Assert.DoesNotContain("secret", host.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Relay:Smarthost", "host:99999", "Relay__Smarthost")]
    [InlineData("Relay:Smarthost", "no host!", "Relay__Smarthost")]
    [InlineData("Relay:Retry", "soon", "Relay__Retry")]
    [InlineData("Relay:GiveUpAfter", "-1", "Relay__GiveUpAfter")]
    [InlineData("Relay:Resolver", "dns.test", "Relay__Resolver")]
    [InlineData("Relay:Routes:0:Smarthost", "10.0.0.1", "Relay__Routes__0__Domain")]
    [InlineData("Relay:SrsKey", "short", "Relay__SrsKey")]
    [InlineData("Relay:MaxConnections", "0", "Relay__MaxConnections")]
    [InlineData("Relay:MessagesPerMinute", "many", "Relay__MessagesPerMinute")]
    [InlineData("Relay:MaxRecipients", "51", "Relay__MaxRecipients")]
    [InlineData("Relay:MaxHosts", "-1", "Relay__MaxHosts")]
    [InlineData("Relay:CommandTimeout", "0", "Relay__CommandTimeout")]
    [InlineData("Relay:Dnssec", "maybe", "Relay__Dnssec")]
    [InlineData("Relay:AllowedNetworks", "10.0.0.0/8, here", "Relay__AllowedNetworks: 'here'")]
    public void Read_WrongValue_NamesItsKey(string key, string value, string named) =>
        Assert.Contains(named, Assert.Throws<ValidationException>(() => Read((key, value))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("127.0.0.1", null, true)]
    [InlineData("10.0.0.1", null, false)]
    [InlineData("10.0.0.1", "true", true)]
    [InlineData("127.0.0.1", "false", false)]
    [InlineData(null, null, false)]
    public void Read_Resolver_IsTrustedOnTheSameMachineOrWhenTheSettingSaysSo(string? resolver, string? dnssec, bool trusted) =>
        Assert.Equal(trusted, Read(("Relay:Resolver", resolver ?? ""), ("Relay:Dnssec", dnssec ?? "")).Dnssec);

    [Fact]
    public void Read_Limits_AreTaken()
    {
        var options = Read(
            ("Relay:MaxConnections", "3"), ("Relay:MessagesPerMinute", "100"), ("Relay:MaxRecipients", "10"), ("Relay:MaxHosts", "2"),
            ("Relay:CommandTimeout", "00:01:00"),
            ("Relay:AllowedNetworks", "10.0.0.0/8, fd00::/8"));

        Assert.Equal(
            (3, 100, 10, 2, TimeSpan.FromMinutes(1)),
            (options.MaxConnections, options.MessagesPerMinute, options.MaxRecipients, options.MaxHosts, options.CommandTimeout));
        Assert.Equal("10.0.0.0/8 fd00::/8", string.Join(' ', options.AllowedNetworks));
    }

    [Theory]
    [InlineData("Opportunistic")]
    [InlineData("None")]
    [InlineData("Maybe")]
    public void Read_CredentialsWithoutTls_IsRefused(string tls) => Assert.Throws<ValidationException>(
        () => Read(("Relay:Smarthost", "smtp.host.test"), ("Relay:UserName", "u"), ("Relay:Password", "p"), ("Relay:Tls", tls)));

    private static RelayOptions Read(params (string Key, string Value)[] settings) => RelayOptions.Read(
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create<string, string?>(s.Key, s.Value))).Build());
}
