using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.Edge.Tls;
using Xunit;

namespace MailFunctions.Edge.Tests.Tls;

/// <summary>Both ends of a TLS session come to the same binding, and no other session has it (RFC 9266).</summary>
public sealed class ExporterBindingTests
{
    [Fact]
    public async Task Of_Tls13_IsTheSameAtBothEndsAndInNoOtherSession()
    {
        var one = await BindingsAsync(SslProtocols.Tls13);
        var two = await BindingsAsync(SslProtocols.Tls13);

        Assert.Equal(ExporterBinding.Octets, one.Server!.Length);
        Assert.Equal(one.Server, one.Client);
        Assert.NotEqual(one.Server, two.Server);
    }

    [Fact]
    public async Task Of_Tls12_IsNone()
    {
        var bindings = await BindingsAsync(SslProtocols.Tls12);

        Assert.Null(bindings.Server);
    }

    private static async Task<(byte[]? Server, byte[]? Client)> BindingsAsync(SslProtocols protocol)
    {
        var token = TestContext.Current.CancellationToken;
        using var certificate = TestCertificate.Create(RunningEdge.HostName);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var outgoing = new TcpClient();
        await outgoing.ConnectAsync((IPEndPoint)listener.LocalEndpoint, token);
        using var incoming = await listener.AcceptTcpClientAsync(token);
        await using var server = new SslStream(incoming.GetStream());
        await using var client =
            new SslStream(outgoing.GetStream(), false, (_, c, _, _) => c!.GetCertHashString() == certificate.GetCertHashString());
        await Task.WhenAll(
            server.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions { ServerCertificate = certificate, EnabledSslProtocols = protocol }, token),
            client.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions { TargetHost = RunningEdge.HostName, EnabledSslProtocols = protocol }, token));
        return (ExporterBinding.Of(server), ExporterBinding.Of(client));
    }
}
