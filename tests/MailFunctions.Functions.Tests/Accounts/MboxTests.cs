using System.IO.Pipelines;
using System.Text;
using MailFunctions.Functions.Accounts.Messages;
using Xunit;

namespace MailFunctions.Functions.Tests.Accounts;

/// <summary>mbox files as other programs write them.</summary>
public sealed class MboxTests
{
    [Theory]
    [InlineData("From a@b Thu Jan  1 00:00:00 2026\nSubject: x\n\nbody\n\n", "Subject: x\r\n\r\nbody\r\n")]
    [InlineData("From a@b\r\nSubject: x\r\n\r\nbody\r\n\r\n", "Subject: x\r\n\r\nbody\r\n")]
    [InlineData("From a@b\nA: 1\r\n\r\n>From here\r\n>>From there\r\n> From\r\n\n", "A: 1\r\n\r\nFrom here\r\n>From there\r\n> From\r\n")]
    [InlineData("From a@b\nA: 1\r\n\r\none\r\n\r\n\nFrom c@d\nA: 2\r\n\r\ntwo", "A: 1\r\n\r\none\r\n\r\n|A: 2\r\n\r\ntwo")]
    [InlineData("From a@b\nA: 1\n\nnot behind an empty line\nFrom me\n", "A: 1\r\n\r\nnot behind an empty line\r\nFrom me\r\n")]
    [InlineData("From a@b\nA: 1\r\nlone\nbreaks stay\r\n\n", "A: 1\r\nlone\nbreaks stay\r\n")]
    [InlineData("From a@b\n\nFrom c@d\nA: 2\n\n", "|A: 2\r\n")]
    [InlineData("From a@b\nA: 1\n\nFro", "A: 1\r\n\r\nFro")]
    public async Task MboxReader_File_GivesEachMessage(string file, string expected)
    {
        foreach (var step in (int[])[1, 2, 3, 7, 4096])
        {
            Assert.Equal(expected, string.Join('|', await ReadAsync(file, step)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("Subject: no From line\n\nx\n")]
    public async Task MboxReader_NoFromLineAtTheBeginning_HasNoMessage(string file) => Assert.Empty(await ReadAsync(file, 4096));

    [Fact]
    public async Task MboxReader_LinesWithoutEnd_ComeInBoundedPieces()
    {
        const int Octets = 8 * 1024 * 1024;
        var reader = new MboxReader(PipeReader.Create(new SlowStream([.. "From a\n"u8, .. new byte[Octets]], 64 * 1024)));
        Assert.True(await reader.NextAsync(CancellationToken.None));
        var (total, longest) = (0, 0);
        while (await reader.ReadAsync(CancellationToken.None) is { IsEmpty: false } piece)
        {
            total += piece.Length;
            longest = Math.Max(longest, piece.Length);
        }

        Assert.Equal(Octets, total);
        Assert.InRange(longest, 1, 128 * 1024);
    }

    private static async Task<List<string>> ReadAsync(string file, int step)
    {
        var reader = new MboxReader(PipeReader.Create(new SlowStream(Encoding.Latin1.GetBytes(file), step)));
        var messages = new List<string>();
        while (await reader.NextAsync(CancellationToken.None))
        {
            var message = new StringBuilder();
            while (await reader.ReadAsync(CancellationToken.None) is { IsEmpty: false } piece)
            {
                message.Append(Encoding.Latin1.GetString(piece.Span));
            }

            messages.Add(message.ToString());
        }

        return messages;
    }

    /// <summary>Gives a few octets at a time, as a network may.</summary>
    private sealed class SlowStream(byte[] content, int step) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(step, buffer.Length)], cancellationToken);
    }
}
