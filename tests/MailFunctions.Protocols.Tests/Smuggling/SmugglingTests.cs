using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Tests.Harness;
using Xunit;

namespace MailFunctions.Protocols.Tests.Smuggling;

/// <summary>
/// Sequences that some server once took for the end of DATA, each followed by a second message in the guise of content.
/// Here they are content that gets the one message refused; in DATA the session ends with it.
/// </summary>
public sealed class SmugglingTests
{
    private const string Smuggled =
        "MAIL FROM:<forged@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nforged\r\n.\r\n";
    private const string Behind = "MAIL FROM:<alice@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nRSET\r\nQUIT\r\n";

    /// <summary>A sequence, and whether it has a bare CR or LF; those without are harmless content.</summary>
    public static TheoryData<string, bool> Sequences { get; } = new()
    {
        { "\n.\n", true },
        { "\n.\r\n", true },
        { "\n.\r", true },
        { "\r.\r", true },
        { "\r.\r\n", true },
        { "\r.\n", true },
        { "\r\n.\n", true },
        { "\r\n.\r", true },
        { "\r\n.\r\r\n", true },
        { "\n\n.\r\n", true },
        { "\r\n\n.\r\n", true },
        { "\r\n\r.\r\n", true },
        { "\r\n.\r\0\n", true },
        { "\r\0\n.\r\n", true },
        { "\n.\0\n", true },
        { "\0\n.\r\n", true },
        { "\r.\0\r\n", true },
        { "\n\0.\n", true },
        { "\r\0.\r", true },
        { "\u0085.\n", true },
        { "\r\n\0.\r\n", false },
        { "\r\n.\0\r\n", false },
        { "\0\r\n..\r\n", false },
        { "\r\n .\r\n", false },
        { "\r\n. \r\n", false },
        { "\r\n..\r\n", false },
        { "\r\n.\t\r\n", false },
        { "\u0085.\u0085", false },
        { "\v.\f\r\n", false },
    };

    [Theory]
    [MemberData(nameof(Sequences))]
    public async Task Data_SequenceThatIsNoEnd_TakesOneMessageAtMost(string sequence, bool refused)
    {
        var dialog = Encoding.Latin1.GetBytes(
            "EHLO client.test\r\nMAIL FROM:<alice@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nSubject: one\r\n\r\n"
                + $"first{sequence}{Smuggled}{Behind}");
        List<byte[][]> cuts =
            [[dialog], [.. dialog.Select(o => new[] { o })],
                .. Enumerable.Range(1, dialog.Length - 1).Select(at => new[] { dialog[..at], dialog[at..] })];
        foreach (var cut in cuts)
        {
            var server = new TestServer();
            var replies = await Session.RunAsync(server, ListenerKind.Mx, cut);

            Assert.Equal(
                ["220", "250", "250", "250", "354", .. refused ? ["550"] : (string[])["250", "250", "250", "250", "221"]],
                replies.Select(r => r[..3]));
            if (refused)
            {
                Assert.StartsWith("550 5.6.0", replies[5], StringComparison.Ordinal);
            }

            Assert.Equal(refused ? 0 : 1, server.Accepted.Count);
            Assert.All(server.Accepted, m => Assert.Equal("alice@elsewhere.test", m.Envelope.MailFrom.Address));
            Assert.Equal(0, server.Open);
        }
    }

    [Theory]
    [InlineData("MAIL FROM:<alice@elsewhere.test>\n")]
    [InlineData("MAIL FROM:<alice@elsewhere.test>\r")]
    [InlineData("NOOP\nMAIL FROM:<alice@elsewhere.test>\r\n")]
    [InlineData("NOOP\r\0\n")]
    [InlineData("\n")]
    [InlineData("NOOP\r\r\n")]
    public async Task Command_BareLineBreak_EndsTheSession(string line)
    {
        var dialog = Encoding.Latin1.GetBytes($"EHLO client.test\r\n{line}RCPT TO:<bob@example.test>\r\nDATA\r\n{Smuggled}");
        for (var at = 0; at < dialog.Length; at++)
        {
            var server = new TestServer();
            var replies = await Session.RunAsync(server, ListenerKind.Mx, at == 0 ? [dialog] : [dialog[..at], dialog[at..]]);

            Assert.Equal(["220", "250", "500"], replies.Select(r => r[..3]));
            Assert.Empty(server.Accepted);
        }
    }

    /// <summary>BDAT has no end of data to forge: what stands in the chunk is content, or the message is refused.</summary>
    [Theory]
    [MemberData(nameof(Sequences))]
    public async Task Bdat_SequenceInAChunk_TakesOneMessageAtMost(string sequence, bool refused)
    {
        var chunk = $"Subject: one\r\n\r\nfirst{sequence}{Smuggled}";
        var dialog = Encoding.Latin1.GetBytes(
            "EHLO client.test\r\nMAIL FROM:<alice@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nBDAT "
                + $"{chunk.Length} LAST\r\n{chunk}{Behind}");
        for (var at = 0; at < dialog.Length; at++)
        {
            var server = new TestServer();
            var replies = await Session.RunAsync(server, ListenerKind.Mx, at == 0 ? [dialog] : [dialog[..at], dialog[at..]]);

            Assert.Equal(["220", "250", "250", "250", refused ? "550" : "250", "250", "250", "250", "221"], replies.Select(r => r[..3]));
            Assert.Equal(refused ? 0 : 1, server.Accepted.Count);
        }
    }

    [Theory]
    [InlineData("501", "BDAT 99999999999999999999 LAST")]
    [InlineData("501", "BDAT -1 LAST")]
    [InlineData("501", "BDAT 0x10 LAST")]
    [InlineData("501", "BDAT 10 LAST 10")]
    [InlineData("501", "BDAT")]
    public async Task Bdat_SizeThatCannotBe_EndsTheSessionBeforeItsOctets(string code, string command)
    {
        var dialog =
            Encoding.Latin1.GetBytes(
                $"EHLO client.test\r\nMAIL FROM:<alice@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\n{command}\r\n{Smuggled}");
        var server = new TestServer();
        var replies = await Session.RunAsync(server, ListenerKind.Mx, [dialog]);

        Assert.Equal(["220", "250", "250", "250", code], replies.Select(r => r[..3]));
        Assert.Empty(server.Accepted);
    }

    /// <summary>A refused BDAT's chunk is read all the same.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("MAIL FROM:<alice@elsewhere.test>\r\n")]
    public async Task Bdat_Refused_ChunkBecomesNoCommands(string before)
    {
        var dialog = Encoding.Latin1.GetBytes($"EHLO client.test\r\n{before}BDAT {Smuggled.Length} LAST\r\n{Smuggled}QUIT\r\n");
        for (var at = 0; at < dialog.Length; at++)
        {
            var server = new TestServer();
            var replies = await Session.RunAsync(server, ListenerKind.Mx, at == 0 ? [dialog] : [dialog[..at], dialog[at..]]);

            Assert.Equal(
                before.Length == 0 ? ["220", "250", "503", "221"] : ["220", "250", "250", "503", "221"], replies.Select(r => r[..3]));
            Assert.Empty(server.Accepted);
        }
    }

    /// <summary>Plaintext behind STARTTLS is never a command (CVE-2011-0411): the handshake fails on it.</summary>
    [Theory]
    [InlineData("EHLO forged.test\r\n")]
    [InlineData("MAIL FROM:<forged@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nforged\r\n.\r\n")]
    public async Task StartTls_PlaintextBehindIt_IsNeverACommand(string behind)
    {
        var dialog = Encoding.Latin1.GetBytes($"EHLO client.test\r\nSTARTTLS\r\n{behind}");
        var server = new TestServer();
        var replies = await Session.RunAsync(server, ListenerKind.Mx, [dialog]);

        Assert.Equal(["220", "250", "220"], replies.Take(3).Select(r => r[..3]));
        Assert.DoesNotContain(replies.Skip(3), r => r.StartsWith("250", StringComparison.Ordinal));
        Assert.Empty(server.Accepted);
    }
}
