using System.Buffers;
using System.Text;
using MailFunctions.Core.Sessions;

namespace MailFunctions.Protocols.Smtp;

/// <summary>A reply (RFC 5321 §4.2) with its enhanced status code (RFC 3463).</summary>
/// <param name="Code">Three digits.</param>
/// <param name="Enhanced">`2.1.0`, or empty where RFC 2034 §4 has none: greeting, EHLO, 3yz.</param>
/// <param name="Text">One line, or several lines with `\n` between them.</param>
/// <param name="Closes">The session ends with this reply.</param>
public sealed record SmtpReply(int Code, string Enhanced, string Text, bool Closes = false)
{
    /// <summary>4yz and 5yz.</summary>
    public bool IsFailure => Code >= 400;

    /// <summary>Without the text, for metrics and traces.</summary>
    public ReplyStatus Status => new(Code, Enhanced);

    /// <summary>Writes the wire form: `250-` before each line but the last, the enhanced code on every line (RFC 2034 §4).</summary>
    public void WriteTo(IBufferWriter<byte> output)
    {
        var rest = Text.AsSpan();
        for (var end = rest.IndexOf('\n'); end >= 0; end = rest.IndexOf('\n'))
        {
            WriteLine(output, '-', rest[..end]);
            rest = rest[(end + 1)..];
        }

        WriteLine(output, ' ', rest);
    }

    private void WriteLine(IBufferWriter<byte> output, char separator, ReadOnlySpan<char> text)
    {
        var line = output.GetSpan(8 + Enhanced.Length + Encoding.UTF8.GetMaxByteCount(text.Length));
        line[0] = (byte)('0' + (Code / 100));
        line[1] = (byte)('0' + (Code / 10 % 10));
        line[2] = (byte)('0' + (Code % 10));
        line[3] = (byte)separator;
        var length = 4;
        if (Enhanced.Length > 0)
        {
            length += Encoding.ASCII.GetBytes(Enhanced, line[length..]);
            line[length++] = (byte)' ';
        }

        length += Encoding.UTF8.GetBytes(text, line[length..]);
        "\r\n"u8.CopyTo(line[length..]);
        output.Advance(length + 2);
    }
}
