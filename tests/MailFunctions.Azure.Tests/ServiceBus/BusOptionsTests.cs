using System.ComponentModel.DataAnnotations;
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

        Assert.True(options.UseTls);
        Assert.Null(options.KeyName);
        Assert.Equal("https://mail.servicebus.windows.net/", options.Management.ToString());
    }

    [Fact]
    public void ToString_NeverHoldsTheKey() =>
        Assert.DoesNotContain("c2VjcmV0", BusOptions.Parse("Endpoint=sb://x;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0;").ToString(), StringComparison.Ordinal);
}
