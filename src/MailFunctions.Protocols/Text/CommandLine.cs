using System.Buffers;
using System.Text;

namespace MailFunctions.Protocols.Text;

/// <summary>What stands at the front of the input.</summary>
public enum LineStatus
{
    /// <summary>More octets are needed.</summary>
    Incomplete,

    /// <summary>One whole line.</summary>
    Complete,

    /// <summary>No line end within the limit.</summary>
    TooLong,

    /// <summary>A CR without LF or an LF without CR (RFC 5321 §2.3.8).</summary>
    BareLineBreak,
}

/// <summary>Takes one command line off the front of the input, never looking at what stands behind it.</summary>
public static class CommandLine
{
    /// <summary>The text of a line. Octets that are no UTF-8 become U+FFFD, which no address and no parameter may hold.</summary>
    public static string Decode(ReadOnlySequence<byte> line) => Encoding.UTF8.GetString(line);

    /// <summary>
    /// Finds the line that ends in CRLF. <paramref name="maxOctets"/> counts the line end (RFC 5321 §4.5.3.1.4);
    /// <paramref name="line"/> is without it.
    /// </summary>
    public static LineStatus TryRead(
        in ReadOnlySequence<byte> input, int maxOctets, out ReadOnlySequence<byte> line, out SequencePosition next)
    {
        line = default;
        next = input.Start;
        var reader = new SequenceReader<byte>(input);
        if (!reader.TryReadToAny(out line, "\r\n"u8, advancePastDelimiter: false))
        {
            return input.Length >= maxOctets ? LineStatus.TooLong : LineStatus.Incomplete;
        }

        if (line.Length > maxOctets - 2)
        {
            return LineStatus.TooLong;
        }

        reader.TryRead(out var first);
        if (first == (byte)'\n')
        {
            return LineStatus.BareLineBreak;
        }

        if (!reader.TryRead(out var second))
        {
            return LineStatus.Incomplete;
        }

        next = reader.Position;
        return second == (byte)'\n' ? LineStatus.Complete : LineStatus.BareLineBreak;
    }
}
