using System.Buffers;
using System.Text;
using MailFunctions.Functions.Outbound.Smtp;
using Xunit;

namespace MailFunctions.Functions.Tests.Outbound;

/// <summary>Any octets in any pieces: what leaves has whole line breaks, doubled dots, and nothing else changed.</summary>
public sealed class DataLinesTests
{
    [Fact]
    public void Write_AnyOctetsInAnyPieces_LeaveAsLines()
    {
        var random = new Random(14);
        for (var round = 0; round < 5_000; round++)
        {
            var octets = Enumerable.Range(0, random.Next(60)).Select(_ => random.Next(8) switch
            {
                < 2 => (byte)'\r',
                < 4 => (byte)'\n',
                < 6 => (byte)'.',
                _ => (byte)random.Next(256),
            }).ToArray();
            var lines = Encoding.Latin1.GetString(octets).Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
            lines = lines.Length == 0 || lines.EndsWith('\n') ? lines : lines + '\n';

            var whole = Write(octets, octets.Length + 1, dots: true);

            Assert.Equal(
                string.Concat(lines.Split('\n')[..^1].Select(l => (l.StartsWith('.') ? "." : "") + l + "\r\n")),
                Encoding.Latin1.GetString(whole));
            Assert.Equal(whole, Write(octets, random.Next(1, 8), dots: true));
            Assert.Equal(
                lines.Replace("\n", "\r\n", StringComparison.Ordinal),
                Encoding.Latin1.GetString(Write(octets, random.Next(1, 8), dots: false)));
        }
    }

    [Fact]
    public async Task Traits_AnyOctets_AreWhatTheyAre()
    {
        foreach (var (text, body, header) in ((string, BodyType, bool)[])[
            ("A: b\r\n\r\nc\r\n", BodyType.SevenBit, false),
            ("A: b\r\n\r\n\u00e4\r\n", BodyType.EightBit, false),
            ("A: \u00e4\r\n\r\nc\r\n", BodyType.EightBit, true),
            ("\r\n\u00e4\r\n", BodyType.EightBit, false),
            ("A: b\n\n\u00e4", BodyType.Binary, false),
            ("A: b\r\n\r\nc\r", BodyType.Binary, false),
            ("", BodyType.SevenBit, false)])
        {
            for (var piece = 1; piece < 6; piece++)
            {
                var traits = await ContentTraits.ReadAsync(
                    new Pieces(Encoding.Latin1.GetBytes(text), piece), TestContext.Current.CancellationToken);

                Assert.Equal((body, header), (traits.Body, traits.HasEightBitHeader));
            }
        }
    }

    private static byte[] Write(byte[] octets, int piece, bool dots)
    {
        var lines = new DataLines(dots);
        var to = new ArrayBufferWriter<byte>();
        foreach (var part in octets.Chunk(piece))
        {
            lines.Write(part, to);
        }

        lines.End(to);
        return to.WrittenSpan.ToArray();
    }

    private sealed class Pieces(byte[] octets, int piece) : MemoryStream(octets)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(piece, buffer.Length)], cancellationToken);
    }
}
