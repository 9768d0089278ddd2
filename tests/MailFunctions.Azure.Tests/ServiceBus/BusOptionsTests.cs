using System.ComponentModel.DataAnnotations;
using Azure.Messaging.ServiceBus;
using MailFunctions.Azure.ServiceBus;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace MailFunctions.Azure.Tests.ServiceBus;

public sealed class BusOptionsTests
{
    [Theory]
    [InlineData("", "ServiceBusConnection is missing")]
    [InlineData("SharedAccessKeyName=n;SharedAccessKey=k", "Endpoint=sb://")]
    [InlineData("Endpoint=https://x/;SharedAccessKeyName=n;SharedAccessKey=k", "Endpoint=sb://")]
    [InlineData("Endpoint=sb://x/;SharedAccessKey=k", "SharedAccessKeyName and SharedAccessKey are needed")]
    [InlineData("Endpoint=sb://;SharedAccessKeyName=n;SharedAccessKey=k", "Endpoint=sb://")]
    [InlineData("Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey", "SharedAccessKeyName and SharedAccessKey are needed")]
    [InlineData("SharedAccessKey=k=;;=;x", "Endpoint=sb://")]
    public void Read_WithAFault_NamesTheKeyAndNotTheSecret(string value, string expected)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("ServiceBusConnection", value)]).Build();

        var e = Assert.Throws<ValidationException>(() => BusOptions.Read(configuration));

        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("=k", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NamespaceAlone_MeansEntraIdOverTls()
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection([new("ServiceBusConnection:fullyQualifiedNamespace", "mail.servicebus.windows.net")]).Build();

        var options = BusOptions.Read(configuration);

        Assert.Null(options.ConnectionString);
        Assert.Equal("https://mail.servicebus.windows.net/", options.Management.ToString());
    }

    [Theory]
    [InlineData("Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=a2V5;EntityPath=q", null, "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=a2V5", "https://x/")]
    [InlineData("Endpoint=sb://127.0.0.1:7;SharedAccessKeyName=n;SharedAccessKey=a2V5;UseDevelopmentEmulator=true;", "http://127.0.0.1:8/", "Endpoint=sb://127.0.0.1:7/;SharedAccessKeyName=n;SharedAccessKey=a2V5;UseDevelopmentEmulator=true", "http://127.0.0.1:8/")]
    [InlineData("endpoint=sb://bus; sharedaccesskeyname=n;SharedAccessKey=a2V5==;UseDevelopmentEmulator=True", null, "Endpoint=sb://bus/;SharedAccessKeyName=n;SharedAccessKey=a2V5==;UseDevelopmentEmulator=true", "http://bus:5300/")]
    [InlineData("Endpoint=sb://x/;SharedAccessSignature=SharedAccessSignature sr=x&sig=y", null, "Endpoint=sb://x/;SharedAccessSignature=SharedAccessSignature sr=x&sig=y", "https://x/")]
    public void Parse_WhateverForm_IsWhatTheSdkTakes(string value, string? management, string expected, string administration)
    {
        var options = BusOptions.Parse(value, management);

        Assert.Equal((expected, administration), (options.ConnectionString, options.Management.ToString()));
        Assert.Equal(expected.Split(';')[1], ServiceBusConnectionStringProperties.Parse(options.ConnectionString) switch
        {
            { SharedAccessSignature: { } signature } => "SharedAccessSignature=" + signature,
            var parts => "SharedAccessKeyName=" + parts.SharedAccessKeyName,
        });
    }

    [Fact]
    public void ToString_NeverHoldsTheKey() =>
        Assert.DoesNotContain("c2VjcmV0", BusOptions.Parse("Endpoint=sb://x;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0;").ToString(),
            StringComparison.Ordinal);
}
