using System.Buffers;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>
/// The line breaks of one message: it gets CRLF throughout when its first line ends in LF alone, as Unix programs write
/// files, and stays as it is otherwise.
/// </summary>
internal sealed class MessageBreaks
{
    private bool? _unix;
    private byte _last;

    /// <summary>Copies the next octets of the message, cut anywhere.</summary>
    public void Copy(ReadOnlySpan<byte> octets, IBufferWriter<byte> to)
    {
        while (_unix != false && octets.IndexOf((byte)'\n') is >= 0 and var at)
        {
            var bare = (at > 0 ? octets[at - 1] : _last) != '\r';
            _unix ??= bare;
            to.Write(octets[..at]);
            to.Write(bare && _unix == true ? "\r\n"u8 : "\n"u8);
            _last = (byte)'\n';
            octets = octets[(at + 1)..];
        }

        if (!octets.IsEmpty)
        {
            to.Write(octets);
            _last = octets[^1];
        }
    }
}
