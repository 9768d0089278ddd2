using System.IO.Pipelines;
using System.Text;
using MailFunctions.Functions.Accounts.Messages;
using Xunit;

namespace MailFunctions.Functions.Tests.Accounts;

/// <summary>mbox files as other programs write them.</summary>
public sealed class MboxTests
{
    private const string At = "Thu Jan  1 00:00:00 2026";

    [Theory]
    [InlineData($"From a@b {At}\nSubject: x\n\nbody\n\n", "Subject: x\r\n\r\nbody\r\n")]
    [InlineData($"From a@b {At}\r\nSubject: x\r\n\r\nbody\r\n\r\n", "Subject: x\r\n\r\nbody\r\n")]
    [InlineData($"From a@b {At}\nA: 1\r\n\r\n>From here\r\n>>From there\r\n> From\r\n\n", "A: 1\r\n\r\nFrom here\r\n>From there\r\n> From\r\n")]
    [InlineData($"From a@b {At}\nA: 1\r\n\r\none\r\n\r\n\nFrom c@d {At}\nA: 2\r\n\r\ntwo", "A: 1\r\n\r\none\r\n\r\n|A: 2\r\n\r\ntwo")]
    [InlineData($"From a@b {At}\nA: 1\n\nnot behind an empty line\nFrom c@d {At}\nA: 2\n", $"A: 1\r\n\r\nnot behind an empty line\r\nFrom c@d {At}\r\nA: 2\r\n")]
    [InlineData(
        $"From a@b {At}\nA: 1\r\nlone\n.\nbreaks\r\rof\r\r\nany kind\r\n\n",
        "A: 1\r\nlone\r\n.\r\nbreaks\r\n\r\nof\r\n\r\nany kind\r\n")]
    [InlineData($"From a@b {At}\nA: 1\n\nthe last is a CR\r", "A: 1\r\n\r\nthe last is a CR\r\n")]
    [InlineData($"From a@b {At}\n\nFrom c@d {At}\nA: 2\n\n", "|A: 2\r\n")]
    [InlineData($"From a@b {At}\nA: 1\n\nFro", "A: 1\r\n\r\nFro")]
    [InlineData($"From a@b {At}\nA: 1\n\nx\n\nFrom c@d {At}", $"A: 1\r\n\r\nx\r\n\r\nFrom c@d {At}")]
    [InlineData($"From a@b {At}\nA: 1\n\nx\n\nFrom c@d {At}\n>From e {At} remote from f\nA: 2\n", $"A: 1\r\n\r\nx\r\n|From e {At} remote from f\r\nA: 2\r\n")]
    public async Task MboxReader_File_GivesEachMessage(string file, string expected)
    {
        foreach (var step in (int[])[1, 2, 3, 7, 4096])
        {
            Assert.Equal(expected, string.Join('|', await ReadAsync(file, step)));
        }
    }

    [Theory]
    [InlineData("From the balcony we see the sea.")]
    [InlineData("From Mon Jan on we had 10:00 meetings in 2026")]
    [InlineData("From alice@example.test")]
    [InlineData("From Thu Jan  1 00:00:00 2026 on, all was well")]
    [InlineData("From a@b Thu Jan 99 00:00:00 2026")]
    [InlineData("From a@b Thu Jan  1 25:00:00 2026")]
    [InlineData("From a@b Thu Jan  1 00:00:00")]
    public async Task MboxReader_ProseBehindAnEmptyLine_StaysText(string line)
    {
        var text = $"A: 1\n\none\n\n{line}\nB: 2\n\ntwo\n";

        Assert.Equal([text.ReplaceLineEndings("\r\n")], await ReadAsync($"From x@y {At}\n{text}\n", 4096));
    }

    [Fact]
    public async Task MboxReader_SeparatorWithoutAFieldBehindIt_StaysText()
    {
        var text = $"A: 1\n\none\n\nFrom c@d {At}\n\nwas the line before it.\n\nFrom c@d {At}\nno field here: as blanks show\n";

        Assert.Equal([text.ReplaceLineEndings("\r\n")], await ReadAsync($"From x@y {At}\n{text}\n", 4096));
    }

    [Theory]
    [InlineData("a@b Thu Jan  1 12:30:45 2026", "2026-01-01T12:30:45Z")]
    [InlineData("MAILER-DAEMON Thu Jan  1 12:30 2026", "2026-01-01T12:30:00Z")] // without seconds
    [InlineData("a@b Thu Jan  1 12:30:45 +0100 2026", "2026-01-01T11:30:45Z")] // Gmail's export
    [InlineData("a@b Thu Jan  1 12:30:45 2026 -0500", "2026-01-01T17:30:45Z")]
    [InlineData("a@b Thu Jan  1 12:30:45 EST 2026", "2026-01-01T17:30:45Z")]
    [InlineData("a@b Thu Jan  1 12:30:45 MET DST 1998", "1998-01-01T12:30:45Z")]
    [InlineData("a@b Thu Jan  1 12:30:45 2026 +0100 (CET)", "2026-01-01T11:30:45Z")]
    [InlineData("a!b Thu Jan  1 12:30:45 98 remote from uunet", "1998-01-01T12:30:45Z")]
    [InlineData("a at b.test  Thu Jan  1 12:30:45 2026", "2026-01-01T12:30:45Z")] // Pipermail
    [InlineData("\"two words\"@b Thu Jan  1 12:30:45 2026", "2026-01-01T12:30:45Z")]
    [InlineData("- Thu, 1 Jan 2026 12:30:45 +0000", "2026-01-01T12:30:45Z")]
    [InlineData("Thu Jan 01 12:30:45 2026", "2026-01-01T12:30:45Z")]
    [InlineData("a@b Thu Feb 30 12:30:45 2026", null)]
    [InlineData("- ", null)]
    [InlineData("", null)] // Thunderbird since 117
    public async Task MboxReader_SeparatorsInUse_EndAMessageAndGiveItsDate(string form, string? expected)
    {
        var reader =
            new MboxReader(PipeReader.Create(
                new SlowStream(Encoding.Latin1.GetBytes($"From x {At}\nA: 1\n\none\n\nFrom {form}\r\nA: 2\n\ntwo\n"), 5)));

        Assert.True(await reader.NextAsync(CancellationToken.None));
        Assert.Equal((1, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)), (reader.Line, reader.Date));
        Assert.True(await reader.NextAsync(CancellationToken.None));
        Assert.Equal(
            (6, expected is null ? null : DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture)),
            (reader.Line, reader.Date));
        Assert.False(await reader.NextAsync(CancellationToken.None));
        Assert.True(reader.IsAtEnd);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(2 * 1024 * 1024, true)]
    [InlineData(-3, false)]
    [InlineData(3, false)]
    public async Task MboxReader_ContentLength_IsBelievedWhereItEndsAtASeparator(int more, bool believed)
    {
        // Of a file whose writer quotes nothing: what it counts may hold a whole mbox file.
        var filler = new string('x', 60) + "\n";
        var body = $"one\n\nFrom c@d {At}\nB: 1\n\n>From me\n"
            + string.Concat(Enumerable.Repeat(filler, Math.Max(0, more) / filler.Length));
        var length = body.Length + (more is -3 or 3 ? more : 0);
        foreach (var (between, step) in ((string, int)[])[("\n", 4096), ("", 4096), ("\n", 11)])
        {
            var messages =
                await ReadAsync(
                    $"From a@b {At}\nA: 1\ncontent-LENGTH: {length}\n\n{body}{between}From e@f {At}\nC: 1\n\ntwo\n",
                    step * (more > 3 ? 100 : 1));
            if (believed)
            {
                Assert.Equal([$"A: 1\ncontent-LENGTH: {length}\n\n{body}".ReplaceLineEndings("\r\n"), "C: 1\r\n\r\ntwo\r\n"], messages);
            }
            else
            {
                Assert.Equal($"A: 1\r\ncontent-LENGTH: {length}\r\n\r\none\r\n", messages[0]);
            }
        }
    }

    [Theory]
    [InlineData("one\n\n", "")]
    [InlineData("", "")]
    [InlineData("one\n\n", "\n")]
    public async Task MboxReader_ContentLength_KeepsTheEmptyLinesItCounts(string body, string between) =>
        Assert.Equal(
            [$"A: 1\r\nContent-Length: {body.Length}\r\n\r\n{body.ReplaceLineEndings("\r\n")}", "B: 2\r\n"],
            await ReadAsync($"From a {At}\nA: 1\nContent-Length: {body.Length}\n\n{body}{between}From b {At}\nB: 2\n", 4096));

    [Theory]
    [InlineData("")]
    [InlineData("Subject: no From line\n\nx\n")]
    [InlineData("From the balcony we see the sea.\nSubject: x\n\nx\n")]
    public async Task MboxReader_NoSeparatorAtTheBeginning_HasNoMessage(string file) => Assert.Empty(await ReadAsync(file, 4096));

    [Fact]
    public async Task MboxReader_LinesWithoutEnd_ComeInBoundedPieces()
    {
        const int Octets = 8 * 1024 * 1024;
        var reader = new MboxReader(PipeReader.Create(new SlowStream([.. "From \n"u8, .. new byte[Octets]], 64 * 1024)));
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
