using System.Text;
using MimeKit;

namespace MailFunctions.Functions.Outbound;

/// <summary>
/// A message that MailKit sends as its octets stand in the store: nothing is parsed and nothing is written anew
/// (decision record 0020). To MimeKit its first line is the whole header, and all behind that line's break the content of
/// one part; the break between them is the one that MimeKit writes between header and content.
/// </summary>
internal static class RawMessage
{
    private const int MaxFirstLine = 64 * 1024;

    /// <param name="content">From its start; read once. Its first line has an end, as every message that we took in does.</param>
    /// <param name="encoding">Tells MailKit which BODY parameter to ask for.</param>
    public static async Task<MimeMessage> CreateAsync(Stream content, ContentEncoding encoding, CancellationToken cancellationToken)
    {
        var (line, behind) = await ReadFirstLineAsync(content, cancellationToken);
        var name = encoding switch
        {
            ContentEncoding.Binary => "binary",
            ContentEncoding.EightBit => "8bit",
            _ => "7bit",
        };
        // Parsed, because MimeKit adds header fields to messages that are not.
        var message = MimeMessage.Load(new MemoryStream(Encoding.ASCII.GetBytes($"Content-Transfer-Encoding: {name}\r\n")), cancellationToken);
        message.Headers.Insert(0, new RawHeader(line));
        ((MimePart)message.Body!).Content = new RawContent(new JoinedStream(behind, content), encoding);
        return message;
    }

    /// <summary>Keeps the only header field of MimeKit's own from being written.</summary>
    public static void Hide(FormatOptions options) => options.HiddenHeaders.Add(HeaderId.ContentTransferEncoding);

    /// <summary>The octets up to the first line break, and what was read behind it.</summary>
    private static async Task<(byte[] Line, byte[] Behind)> ReadFirstLineAsync(Stream content, CancellationToken cancellationToken)
    {
        var read = new MemoryStream();
        var buffer = new byte[4096];
        while (read.Length < MaxFirstLine)
        {
            var octets = await content.ReadAsync(buffer, cancellationToken);
            read.Write(buffer, 0, octets);
            var end = read.GetBuffer().AsSpan(0, (int)read.Length).IndexOf("\r\n"u8);
            if (end >= 0)
            {
                return (read.GetBuffer()[..end], read.GetBuffer()[(end + 2)..(int)read.Length]);
            }

            if (octets == 0)
            {
                break;
            }
        }

        throw new InvalidDataException("The message has no line that ends.");
    }

    /// <summary>An invalid field, which MimeKit writes as it is.</summary>
    private sealed class RawHeader(byte[] line) : Header(ParserOptions.Default, line, [], invalid: true);

    private sealed class RawContent(Stream content, ContentEncoding encoding) : IMimeContent
    {
        public ContentEncoding Encoding => encoding;

        public NewLineFormat? NewLineFormat => MimeKit.NewLineFormat.Dos;

        public Stream Stream => content;

        public Stream Open() => content;

        public void WriteTo(Stream stream, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException("A message is sent asynchronously.");

        public Task WriteToAsync(Stream stream, CancellationToken cancellationToken = default) => content.CopyToAsync(stream, cancellationToken);

        public void DecodeTo(Stream stream, CancellationToken cancellationToken = default) => WriteTo(stream, cancellationToken);

        public Task DecodeToAsync(Stream stream, CancellationToken cancellationToken = default) => WriteToAsync(stream, cancellationToken);

        public void Dispose()
        {
            // The stream belongs to who opened it.
        }
    }
}
