using System.Buffers;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// The line breaks of one message: CRLF throughout, as it would have come by SMTP (RFC 5321 §2.3.8). Files of Unix programs
/// end their lines in LF, and some have lines of both kinds; a CR that ends no line becomes a line end too, as many clients
/// read it so.
/// </summary>
internal sealed class MessageBreaks
{
    private bool _afterCr;

    /// <summary>Copies the next octets of the message, cut anywhere.</summary>
    public void Copy(ReadOnlySpan<byte> octets, IBufferWriter<byte> to)
    {
        if (_afterCr && !octets.IsEmpty)
        {
            octets = octets[0] == '\n' ? octets[1..] : octets;
            End(to);
        }

        var start = 0;
        for (var i = 0; i < octets.Length;)
        {
            var at = octets[i..].IndexOfAny((byte)'\r', (byte)'\n');
            if (at < 0)
            {
                break;
            }

            i += at;
            if (octets[i..].StartsWith("\r\n"u8))
            {
                i += 2;
                continue;
            }

            to.Write(octets[start..i]);
            _afterCr = octets[i] == '\r' && i + 1 == octets.Length;
            to.Write(_afterCr ? "\r"u8 : "\r\n"u8);
            start = ++i;
        }

        to.Write(octets[start..]);
    }

    /// <summary>The message is over: a CR that was its last octet is a line end.</summary>
    public void End(IBufferWriter<byte> to)
    {
        if (_afterCr)
        {
            to.Write("\n"u8);
            _afterCr = false;
        }
    }
}
