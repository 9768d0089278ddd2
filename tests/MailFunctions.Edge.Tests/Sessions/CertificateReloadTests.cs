using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>A new certificate while sessions are open.</summary>
public sealed class CertificateReloadTests
{
    [Fact]
    public async Task Certificate_Changed_OpenSessionsGoOnAndNewOnesGetIt()
    {
        var time = new ManualTime();
        await using var edge = await RunningEdge.StartAsync(time);
        await using var old = await EdgeClient.ConnectAsync(edge.Smtps, tls: true);
        await old.ReadReplyAsync();
        Assert.Equal("CN=first.example.test", old.Certificate!.Subject);

        edge.WriteCertificate("second.example.test");
        time.Advance(TimeSpan.FromSeconds(6));
        await using var implicitTls = await EdgeClient.ConnectAsync(edge.Smtps, tls: true);
        await using var startTls = await EdgeClient.ConnectAsync(edge.Smtp);
        await startTls.ReadReplyAsync();
        await startTls.AskAsync("EHLO client.test");
        await startTls.AskAsync("STARTTLS");
        await startTls.StartTlsAsync();

        Assert.Equal("CN=second.example.test", implicitTls.Certificate!.Subject);
        Assert.Equal("CN=second.example.test", startTls.Certificate!.Subject);
        Assert.StartsWith("250", await old.AskAsync("EHLO client.test"), StringComparison.Ordinal);
    }
}
