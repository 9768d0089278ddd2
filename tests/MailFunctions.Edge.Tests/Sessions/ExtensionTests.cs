using System.Text;
using MailFunctions.Edge.Tests.Fakes;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>EHLO on each listener: exactly the extensions that apply.</summary>
public sealed class ExtensionTests
{
    private const string Size = "SIZE 52428800";
    private const string Mechanisms = "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN";

    private static readonly string[] Always =
        ["PIPELINING", Size, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN", "LIMITS RCPTMAX=1000"];

    [Fact]
    public async Task Ehlo_Mx_PlaintextThenTls()
    {
        await using var edge = await RunningEdge.StartAsync();
        await using var session = await EdgeClient.ConnectAsync(edge.Smtp);
        await session.ReadReplyAsync();

        await ExpectAsync(session, "STARTTLS");
        await StartTlsAsync(session);
        await ExpectAsync(session, "REQUIRETLS");
    }

    [Fact]
    public async Task Ehlo_Submission_PlaintextThenTlsThenLogin()
    {
        await using var edge = await RunningEdge.StartAsync();
        await using var session = await EdgeClient.ConnectAsync(edge.Submission);
        await session.ReadReplyAsync();

        await ExpectAsync(session, "STARTTLS", "FUTURERELEASE");
        await StartTlsAsync(session);
        await ExpectAsync(session, "REQUIRETLS", "FUTURERELEASE", Mechanisms);
        Assert.StartsWith("235 2.7.0", await session.AskAsync(
            "AUTH PLAIN "
                + Convert.ToBase64String(
                    Encoding.UTF8.GetBytes($"\0alice@example.test\0{TestDirectory.Password}"))), StringComparison.Ordinal);
        await ExpectAsync(session, "REQUIRETLS", "FUTURERELEASE");
    }

    [Fact]
    public async Task Ehlo_Smtps_TlsFromTheStart()
    {
        await using var edge = await RunningEdge.StartAsync();
        await using var session = await EdgeClient.ConnectAsync(edge.Smtps, tls: true);
        await session.ReadReplyAsync();

        await ExpectAsync(session, "REQUIRETLS", "FUTURERELEASE", Mechanisms);
    }

    [Fact]
    public async Task Ehlo_NoCertificate_OffersNeitherTlsNorLogins()
    {
        await using var edge = await RunningEdge.StartAsync("Tls:CertificatePath=", "Edge:Ports:Smtps=0", "Edge:Ports:Pop3s=0");
        await using var session = await EdgeClient.ConnectAsync(edge.Submission);
        await session.ReadReplyAsync();

        await ExpectAsync(session, "FUTURERELEASE");
    }

    private static async Task StartTlsAsync(EdgeClient session)
    {
        Assert.StartsWith("220 2.0.0", await session.AskAsync("STARTTLS"), StringComparison.Ordinal);
        await session.StartTlsAsync();
    }

    private static async Task ExpectAsync(EdgeClient session, params string[] further)
    {
        string[] expected = [.. Always, .. further];
        Assert.Equal(expected, await EhloAsync(session));
    }

    /// <summary>The extensions; of FUTURERELEASE only its name, since its instant moves.</summary>
    private static async Task<string[]> EhloAsync(EdgeClient session)
    {
        var lines = (await session.AskAsync("EHLO client.test")).Split('\n');
        Assert.Equal("250-mail.example.test greets client.test", lines[0]);
        return [.. lines.Skip(1)
            .Select(l => l[4..]).Select(e => e.StartsWith("FUTURERELEASE 2592000 20", StringComparison.Ordinal) ? "FUTURERELEASE" : e)];
    }
}
