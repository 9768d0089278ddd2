using System.Net;
using System.Text;
using MailFunctions.Edge.Listeners;
using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Listeners;

/// <summary>PROXY protocol headers on real sockets (the grammar itself is tested with the protocols).</summary>
public sealed class ProxyProtocolTests
{
    private const string Own = "127.0.0.1";

    private static readonly string[] Trusting =
        ["Edge:ProxyProtocol:0=Smtp", "Edge:ProxyProtocol:1=smtps", "Edge:ProxyProtocol:2=Pop3", "Edge:TrustedProxies:0=127.0.0.0/8"];

    public static TheoryData<string, byte[], string> Headers { get; } = new()
    {
        { "v1 IPv4", Line("PROXY TCP4 192.0.2.7 198.51.100.25 40000 25"), "192.0.2.7" },
        { "v1 IPv6", Line("PROXY TCP6 2001:db8::7 2001:db8::25 40000 25"), "2001:db8::7" },
        { "v1 mapped", Line("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.25 40000 25"), "192.0.2.7" },
        { "v1 UNKNOWN", Line("PROXY UNKNOWN"), Own },
        { "v1 UNKNOWN with more", Line("PROXY UNKNOWN 192.0.2.7 198.51.100.25 40000 25"), Own },
        { "v2 IPv4", Binary(0x21, 0x11, Addresses("192.0.2.7", "198.51.100.25")), "192.0.2.7" },
        { "v2 IPv6", Binary(0x21, 0x21, Addresses("2001:db8::7", "2001:db8::25")), "2001:db8::7" },
        { "v2 with values", Binary(0x21, 0x11, [.. Addresses("192.0.2.7", "198.51.100.25"), 0x02, 0, 4, .. "mail"u8]), "192.0.2.7" },
        { "v2 UNSPEC", Binary(0x21, 0x00, []), Own },
        { "v2 LOCAL", Binary(0x20, 0x00, []), Own },
        { "v2 LOCAL with addresses", Binary(0x20, 0x11, Addresses("192.0.2.7", "198.51.100.25")), Own },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task Smtp_HeaderFromATrustedPeer_GivesTheClientEverywhere(string name, byte[] header, string client)
    {
        await using var edge = await RunningEdge.StartAsync([.. Trusting, "Edge:MaxConnectionsPerClient=5"]);
        foreach (var octetwise in (bool[])[false, true])
        {
            await using var session = await EdgeClient.ConnectAsync(edge.Smtp, first: header, octetwise: octetwise);
            Assert.StartsWith("220 ", await session.ReadReplyAsync(), StringComparison.Ordinal);
            await session.AskAsync("EHLO client.test");
            Assert.StartsWith("250 2.6.0", await session.SendMessageAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(2, edge.Intake.Accepted.Count);
        Assert.All(edge.Intake.Accepted, m =>
        {
            Assert.Equal(client, m.Envelope.Client.Ip);
            var literal = client.Contains(':', StringComparison.Ordinal) ? $"[IPv6:{client}]" : $"[{client}]";
            Assert.StartsWith($"Received: from client.test ({literal})", Encoding.ASCII.GetString(m.Content), StringComparison.Ordinal);
        });
        Assert.Contains(edge.Log.Lines, l => l.Contains($"from {client}:", StringComparison.Ordinal));
        Assert.NotEmpty(name);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Smtps_HeaderAheadOfTheHandshake_GivesTheClient(bool octetwise)
    {
        await using var edge = await RunningEdge.StartAsync(Trusting);
        await using var session = await EdgeClient.ConnectAsync(
            edge.Smtps, tls: true, first: Binary(0x21, 0x11, Addresses("192.0.2.7", "198.51.100.25")), octetwise: octetwise);
        await session.ReadReplyAsync();
        await session.AskAsync("EHLO client.test");
        await session.AskAsync("AUTH PLAIN "
            + Convert.ToBase64String(
                "\0alice@example.test\0"u8.ToArray().Concat(Encoding.UTF8.GetBytes(TestDirectory.Password)).ToArray()));

        Assert.StartsWith("250 2.6.0", await session.SendMessageAsync("alice@example.test"), StringComparison.Ordinal);
        Assert.Equal("192.0.2.7", edge.Intake.Accepted[0].Envelope.Client.Ip);
    }

    [Fact]
    public async Task Smtp_HeaderAndCommandsInOnePacket_CommandsAreEarlyTalk()
    {
        await using var edge = await RunningEdge.StartAsync(Trusting);
        await using var session =
            await EdgeClient.ConnectAsync(edge.Smtp, first: [.. Line("PROXY TCP4 192.0.2.7 198.51.100.25 40000 25"), .. "EHLO x\r\n"u8]);

        Assert.StartsWith("554 5.5.0", await session.ReadReplyAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Smtp_CapPerClient_CountsTheClientNotTheProxy()
    {
        await using var edge = await RunningEdge.StartAsync([.. Trusting, "Edge:MaxConnectionsPerClient=1"]);
        await using var first = await EdgeClient.ConnectAsync(edge.Smtp, first: Line("PROXY TCP4 192.0.2.7 198.51.100.25 40000 25"));
        Assert.StartsWith("220 ", await first.ReadReplyAsync(), StringComparison.Ordinal);
        await using var again = await EdgeClient.ConnectAsync(edge.Smtp, first: Line("PROXY TCP4 192.0.2.7 198.51.100.25 40001 25"));
        Assert.StartsWith("421 4.7.0", await again.ReadReplyAsync(), StringComparison.Ordinal);
        await using var other = await EdgeClient.ConnectAsync(edge.Smtp, first: Line("PROXY TCP4 192.0.2.8 198.51.100.25 40000 25"));
        Assert.StartsWith("220 ", await other.ReadReplyAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("EHLO client.test\r\n")]
    [InlineData("PROXY TCP4 192.0.2.7 198.51.100.25 40000\r\n")]
    [InlineData("PROXY TCP4 2001:db8::7 2001:db8::25 1 2\r\n")]
    [InlineData("PROXY  TCP4 192.0.2.7 198.51.100.25 40000 25\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04abcd")]
    public async Task Smtp_TrustedPeerWithoutAGoodHeader_IsClosedWithoutAWord(string sent)
    {
        await using var edge = await RunningEdge.StartAsync(Trusting);
        await using var session = await EdgeClient.ConnectAsync(edge.Smtp, first: Encoding.Latin1.GetBytes(sent));

        Assert.Null(await session.ReadLineAsync());
        Assert.Contains(edge.Log.Lines, l => l.Contains("PROXY header", StringComparison.Ordinal));
        Assert.Equal(0, edge.Open);
    }

    [Fact]
    public async Task Smtp_TrustedPeerThatSaysNothing_IsClosedInTime()
    {
        var time = new ManualTime();
        await using var edge = await RunningEdge.StartAsync(time, Trusting);
        await using var session = await EdgeClient.ConnectAsync(edge.Smtp, first: "PROXY "u8.ToArray());
        var line = session.ReadLineAsync();
        while (!line.IsCompleted)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
            time.Advance(ProxyProtocolMiddleware.HeaderTimeout); // others set timers too: the header's may not be there yet
        }

        Assert.Null(await line);
    }

    [Fact]
    public async Task Submission_ListenerThatExpectsNone_HeaderIsAWrongCommand()
    {
        await using var edge = await RunningEdge.StartAsync(Trusting);
        await using var session = await EdgeClient.ConnectAsync(edge.Submission);
        Assert.StartsWith("220 ", await session.ReadReplyAsync(), StringComparison.Ordinal);

        Assert.StartsWith("500 5.5.2", await session.AskAsync("PROXY TCP4 192.0.2.7 198.51.100.25 40000 25"), StringComparison.Ordinal);
        await session.AskAsync("EHLO client.test");
        Assert.DoesNotContain(edge.Log.Lines, l => l.Contains("192.0.2.7", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Smtp_PeerThatIsNotTrusted_HeaderIsAWrongCommand()
    {
        await using var edge = await RunningEdge.StartAsync("Edge:ProxyProtocol:0=Smtp", "Edge:TrustedProxies:0=10.0.0.0/8");
        await using var session = await EdgeClient.ConnectAsync(edge.Smtp);
        Assert.StartsWith("220 ", await session.ReadReplyAsync(), StringComparison.Ordinal);

        Assert.StartsWith("500 5.5.2", await session.AskAsync("PROXY TCP4 192.0.2.7 198.51.100.25 40000 25"), StringComparison.Ordinal);
        await session.AskAsync("EHLO client.test");
        Assert.StartsWith("250 2.6.0", await session.SendMessageAsync(), StringComparison.Ordinal);
        Assert.Equal(Own, edge.Intake.Accepted[0].Envelope.Client.Ip);
    }

    [Fact]
    public async Task Pop3_HeaderFromATrustedPeer_FailedLoginsCountForTheClient()
    {
        await using var edge =
            await RunningEdge.StartAsync([.. Trusting, "Login:FreeFailuresPerClient=1", "Edge:AllowPlaintextCredentials=true"]);
        var throttled = 0;
        for (var i = 0; i < 3; i++)
        {
            await using var session = await EdgeClient.ConnectAsync(edge.Pop3, first: Line("PROXY TCP4 192.0.2.7 198.51.100.25 40000 110"));
            await session.ReadLineAsync();
            await session.AskAsync("USER nobody@example.test");
            throttled += (await session.AskAsync($"PASS wrong {i}")).Contains("LOGIN-DELAY", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.Equal(1, throttled);
        await using var other = await EdgeClient.ConnectAsync(edge.Pop3, first: Line("PROXY TCP4 192.0.2.8 198.51.100.25 40000 110"));
        await other.ReadLineAsync();
        await other.AskAsync("USER somebody@example.test");
        Assert.Contains("[AUTH]", await other.AskAsync("PASS wrong"), StringComparison.Ordinal);
    }

    private static byte[] Line(string text) => Encoding.ASCII.GetBytes(text + "\r\n");

    private static byte[] Binary(byte command, byte family, byte[] rest) =>
        [.. "\r\n\r\n\0\r\nQUIT\n"u8, command, family, (byte)(rest.Length >> 8), (byte)rest.Length, .. rest];

    private static byte[] Addresses(string source, string destination) =>
        [.. IPAddress.Parse(source).GetAddressBytes(), .. IPAddress.Parse(destination).GetAddressBytes(), 0x9c, 0x40, 0, 25];
}
