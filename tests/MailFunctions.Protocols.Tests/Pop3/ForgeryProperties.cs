using System.Text;
using CsCheck;
using MailFunctions.Protocols.Tests.Harness;
using Xunit;

namespace MailFunctions.Protocols.Tests.Pop3;

/// <summary>
/// What a message holds never becomes an answer of the server: clients that take a bare LF (fetchmail, mpop, poplib) or a
/// bare CR for a line end see the same answers and messages as one that keeps to CRLF (RFC 1939 §3).
/// </summary>
public sealed class ForgeryProperties
{
    private static readonly Gen<byte[]> Octets =
        Gen.OneOf<string>(
            ".", "..", "\r\n", "\r", "\n", "\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "+OK\n", "-ERR\r", "+OK 2 99\n", "\0", "a",
            "\u0085")
            .Array[0, 40].Select(parts => Encoding.Latin1.GetBytes(string.Concat(parts)));

    private static readonly Gen<byte[]> Content = Gen.Frequency((4, Octets), (1, Gen.Byte.Array[0, 200]));

    [Fact]
    public async Task AnyMessages_InAnyPieces_AreTheSameForEveryKindOfClient() =>
        await Gen.Select(Content.Array[1, 4], Gen.Int[1, 50], Gen.Int[0, 3]).SampleAsync(
            async (contents, piece, lines) =>
            {
                var server = new TestServer();
                server.Maildrop.PieceOctets = piece;
                foreach (var content in contents)
                {
                    server.Maildrop.Messages.Add((uint)server.Maildrop.Messages.Count + 1, content);
                }

                string[] commands = ["USER alice@example.test", $"PASS {TestServer.Password}", "STAT", "LIST", "UIDL",
                    .. Enumerable.Range(1, contents.Length).SelectMany(i => (string[])[$"RETR {i}", $"TOP {i} {lines}"]), "QUIT"];
                var said = await Session.RunPop3Async(server, [Encoding.ASCII.GetBytes(string.Concat(commands.Select(c => c + "\r\n")))]);

                var expected = Read(said, commands, "\r\n");
                Assert.Equal(contents.Length, expected.Count(m => m.StartsWith("RETR", StringComparison.Ordinal)));
                Assert.Equal(expected, Read(said.Replace("\r\n", "\n", StringComparison.Ordinal), commands, "\n"));
                Assert.Equal(expected, Read(said.Replace("\r\n", "\r", StringComparison.Ordinal), commands, "\r"));
                Assert.Equal(expected, Read(said.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n'), commands, "\n"));
            },
            iter: 1000,
            threads: 1);

    /// <summary>A client with that line end: each command with its answer, and nothing left over.</summary>
    private static List<string> Read(string said, string[] commands, string lineEnd)
    {
        var lines = new Queue<string>(said.Split(lineEnd));
        Assert.StartsWith("+OK", lines.Dequeue(), StringComparison.Ordinal);
        var answers = new List<string>();
        foreach (var command in commands)
        {
            var answer = new List<string> { command, lines.Dequeue() };
            Assert.StartsWith("+OK", answer[1], StringComparison.Ordinal);
            if (command.Split(' ')[0] is "LIST" or "UIDL" or "RETR" or "TOP")
            {
                for (string line; (line = lines.Dequeue()) != ".";)
                {
                    answer.Add(line.StartsWith('.') ? line[1..] : line);
                }
            }

            answers.Add(string.Join('|', answer));
        }

        Assert.Equal([""], lines);
        return answers;
    }
}
