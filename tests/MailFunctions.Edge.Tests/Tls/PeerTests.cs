using MailFunctions.Edge.Tests.Fakes;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Tls;

/// <summary>What a peer may do with TLS that this server does not do: renegotiate, resume.</summary>
public sealed class PeerTests
{
    [ToolTheory("openssl")]
    [InlineData("smtp")]
    [InlineData("pop3")]
    [InlineData("smtps")]
    public async Task Renegotiation_EndsTheSessionAndNothingIsUnhandled(string kind)
    {
        await using var edge = await RunningEdge.StartAsync();
        var port = kind == "smtp" ? edge.Smtp : kind == "pop3" ? edge.Pop3 : edge.Smtps;
        string[] starttls = kind == "smtps" ? [] : ["-starttls", kind];

        var said = await OpenSsl.ClientAsync(["-connect", $"127.0.0.1:{port}", "-tls1_2", "-crlf", .. starttls], "R");

        Assert.Contains("RENEGOTIATING", said, StringComparison.Ordinal);
        await edge.WaitForSessionEndAsync();
        Assert.DoesNotContain(edge.Log.Lines, l => l.Contains("Unhandled exception", StringComparison.Ordinal)
            || l.Contains("fault of ours", StringComparison.Ordinal));
        Assert.Equal(["TlsBroken"], edge.Ends);
        Assert.Equal(0, edge.Open);
    }

    /// <summary>A ticket that no later handshake is resumed by would only be cost.</summary>
    [ToolTheory("openssl")]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task Handshake_WithATicketOfTheLastOne_IsResumed(string version)
    {
        await using var edge = await RunningEdge.StartAsync();
        using var files = new TemporaryDirectory();
        string[] options = ["-connect", $"127.0.0.1:{edge.Smtps}", version, "-crlf"];

        var first = await OpenSsl.ClientAsync([.. options, "-sess_out", files.File("session")], "NOOP"); // Q and R are commands of its own
        var second = await OpenSsl.ClientAsync([.. options, "-sess_in", files.File("session")], "NOOP");

        Assert.Contains("250 2.0.0 OK", first, StringComparison.Ordinal);
        Assert.Contains("New, TLSv1", first, StringComparison.Ordinal);
        Assert.Contains("250 2.0.0 OK", second, StringComparison.Ordinal);
        Assert.Contains("Reused, TLSv1", second, StringComparison.Ordinal);
    }

    /// <summary>RFC 9325 §4.2: forward secrecy and AEAD only, though .NET is given no policy.</summary>
    [ToolTheory("openssl")]
    [InlineData("ECDHE-ECDSA-AES128-GCM-SHA256", true)]
    [InlineData("ECDHE-ECDSA-CHACHA20-POLY1305", true)]
    [InlineData("ECDHE-ECDSA-AES256-SHA384", false)]
    [InlineData("ECDHE-ECDSA-AES128-SHA", false)]
    public async Task Handshake_Tls12_TakesAeadOnly(string suite, bool taken)
    {
        await using var edge = await RunningEdge.StartAsync();

        var said =
            await OpenSsl.ClientAsync(
                ["-connect", $"127.0.0.1:{edge.Smtps}", "-tls1_2", "-crlf", "-cipher", suite + ":@SECLEVEL=0"], "NOOP");

        Assert.Equal(taken, said.Contains("250 2.0.0 OK", StringComparison.Ordinal));
        Assert.Equal(!taken, said.Contains("handshake failure", StringComparison.Ordinal));
    }
}
