using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Configuration;

/// <summary>Wrong settings stop the start with a sentence that names the key.</summary>
public sealed class EdgeConfigurationTests
{
    private static readonly (string, string)[] NoTlsPorts = [("Edge:Ports:Smtps", "0"), ("Edge:Ports:Pop3s", "0")];

    [Fact]
    public void AddEdgeOptions_DefaultsWithoutTlsPorts_HasNoFaults()
    {
        Assert.Empty(Faults(NoTlsPorts));
    }

    [Theory]
    [InlineData("Edge:HostName", "not a host", "Edge__HostName")]
    [InlineData("Edge:Address", "everywhere", "Edge__Address")]
    [InlineData("Edge:Ports:Smtp", "70000", "Edge__Ports__Smtp")]
    [InlineData("Edge:Ports:Smtp", "587", "Edge__Ports")]
    [InlineData("Edge:Ports:Smtp", "many", "Ports")]
    [InlineData("Edge:GracePeriod", "-00:00:01", "Edge__GracePeriod")]
    [InlineData("Edge:MaxConnections", "0", "Edge__MaxConnections")]
    [InlineData("Edge:MaxConnectionsPerClient", "0", "Edge__MaxConnectionsPerClient")]
    [InlineData("Edge:MaxOctetsInFlight", "1", "Edge__MaxOctetsInFlight")]
    [InlineData("Edge:TrustedProxies:0", "10.0.0.0/8", "Edge__ProxyProtocol")]
    [InlineData("Edge:ProxyProtocol:0", "Smtp", "Edge__TrustedProxies")]
    [InlineData("Edge:MaxConections", "5", "MaxConections")]
    [InlineData("Tls:CertificatePath", "/nowhere/cert.pem", "Tls__CertificatePath")]
    [InlineData("Tls:KeyPath", "/nowhere/key.pem", "Tls__KeyPath")]
    [InlineData("Tls:HandshakeTimeout", "00:00:00", "Tls__HandshakeTimeout")]
    [InlineData("Login:DirectoryCacheTime", "00:01:00", "Login__DirectoryCacheTime")]
    [InlineData("Login:RememberFor", "00:00:00", "Login__RememberFor")]
    [InlineData("Login:ForgetFailuresAfter", "00:00:00", "Login__ForgetFailuresAfter")]
    [InlineData("Login:FreeFailuresPerClient", "0", "FreeFailuresPerClient")]
    [InlineData("Login:MaxDelay", "-00:00:01", "Login__MaxDelay")]
    [InlineData("Login:FailureDelay", "00:01:00", "Login__FailureDelay")]
    [InlineData("Smtp:MaxSessionTime", "00:00:00", "Smtp__MaxSessionTime")]
    [InlineData("Rates:MessagesPerClient", "-1", "Rates")]
    [InlineData("Smtp:MaxMessageOctets", "100", "Smtp__MaxMessageOctets")]
    [InlineData("Smtp:MaxRecipients", "10", "Smtp__MaxRecipients")]
    [InlineData("Smtp:MaxBadCommands", "0", "Smtp__MaxBadCommands")]
    [InlineData("Smtp:CommandTimeout", "00:00:00", "Smtp__CommandTimeout")]
    [InlineData("Smtp:MinDataRate", "-1", "Smtp__MinDataRate")]
    [InlineData("Pop3:IdleTimeout", "00:01:00", "Pop3__IdleTimeout")]
    public void AddEdgeOptions_WrongValue_IsNamed(string key, string value, string named)
    {
        var fault = Assert.Single(Faults([.. NoTlsPorts, (key, value)]));

        Assert.Contains(named, fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Health", "10.0.0.0/8", "Edge__ProxyProtocol: 'Health'")]
    [InlineData("Smtp", "10.0.0.0", "Edge__TrustedProxies: '10.0.0.0'")]
    public void AddEdgeOptions_WrongProxySetting_IsNamed(string listener, string network, string named)
    {
        var fault = Assert.Single(Faults([.. NoTlsPorts, ("Edge:ProxyProtocol:0", listener), ("Edge:TrustedProxies:0", network)]));

        Assert.StartsWith(named, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void AddEdgeOptions_TlsPortsWithoutCertificate_NamesBothPorts()
    {
        var faults = Faults();

        Assert.Equal(2, faults.Count);
        Assert.Contains("Edge__Ports__Smtps=0", faults[0], StringComparison.Ordinal);
        Assert.Contains("Edge__Ports__Pop3s=0", faults[1], StringComparison.Ordinal);
    }

    [Fact]
    public void AddEdgeOptions_ManyFaults_AllAreTold()
    {
        Assert.Equal(
            3, Faults([.. NoTlsPorts, ("Edge:MaxConnections", "0"), ("Smtp:MinDataRate", "-1"), ("Pop3:MaxBadCommands", "0")]).Count);
    }

    [Fact]
    public void AddEdgeOptions_GoodValues_ReachTheOptions()
    {
        var services = new ServiceCollection();
        Assert.Empty(
            services.AddEdgeOptions(Configuration([.. NoTlsPorts, ("Edge:HostName", "mx.example.test"), ("Smtp:MinDataRate", "7")])));

        using var provider = services.BuildServiceProvider();
        Assert.Equal("mx.example.test", provider.GetRequiredService<IOptions<EdgeOptions>>().Value.HostName);
        Assert.Equal(7, provider.GetRequiredService<IOptions<SmtpOptions>>().Value.MinDataRate);
    }

    private static IReadOnlyList<string> Faults(params (string, string)[] settings) =>
        new ServiceCollection().AddEdgeOptions(Configuration(settings));

    private static IConfiguration Configuration((string Key, string Value)[] settings)
    {
        var values = new Dictionary<string, string?>();
        foreach (var (key, value) in settings)
        {
            values[key] = value;
        }

        return new ConfigurationBuilder().AddInMemoryCollection(values).Build();
    }
}
