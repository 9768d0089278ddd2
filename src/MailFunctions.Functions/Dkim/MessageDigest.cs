using System.Buffers;

namespace MailFunctions.Functions.Dkim;

/// <summary>A message read once, front to back: its header section, and the hash of its body, which is not kept.</summary>
/// <param name="Header">With the line break of its last field.</param>
/// <param name="BodyHash">SHA-256 of the body in relaxed form.</param>
/// <param name="Whole">All of a small message, so that it need not be read again.</param>
internal sealed record MessageDigest(ReadOnlyMemory<byte> Header, byte[] BodyHash, ReadOnlyMemory<byte>? Whole)
{
    /// <summary>Submission takes a quarter of this.</summary>
    public const int MaxHeaderOctets = 1024 * 1024;

    /// <summary>A message up to this size is kept.</summary>
    public const int KeptOctets = 256 * 1024;

    private const int ChunkOctets = 64 * 1024;

    /// <summary>Null when the header section is longer than its bound.</summary>
    public static async Task<MessageDigest?> ReadAsync(Stream content, CancellationToken cancellationToken)
    {
        using var body = new RelaxedBody();
        var start = new MemoryStream(); // the header section, and what follows while all of it is kept
        var headerEnd = -1;
        var kept = true;
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkOctets);
        try
        {
            int read;
            while ((read = await content.ReadAsync(chunk, cancellationToken)) > 0)
            {
                var inBody = headerEnd >= 0 ? 0 : -1;
                var before = (int)start.Length;
                kept &= headerEnd < 0 || start.Length + read <= KeptOctets;
                if (kept)
                {
                    start.Write(chunk, 0, read);
                }

                if (headerEnd < 0)
                {
                    headerEnd = FindEnd(start.GetBuffer().AsSpan(0, (int)start.Length), before);
                    if (headerEnd < 0 && start.Length > MaxHeaderOctets)
                    {
                        return null;
                    }

                    inBody = headerEnd < 0 ? -1 : headerEnd + 2 - before;
                }

                if (inBody >= 0)
                {
                    body.Append(chunk.AsSpan(inBody, read - inBody));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }

        var octets = start.GetBuffer().AsMemory(0, (int)start.Length);
        var header = headerEnd < 0 ? octets : octets[..headerEnd];
        return new MessageDigest(header, body.Finish(), kept ? octets : default(ReadOnlyMemory<byte>?));
    }

    /// <summary>The end of the last field, before the line break of the empty line; -1 when that has not come yet.</summary>
    private static int FindEnd(ReadOnlySpan<byte> octets, int searched)
    {
        if (octets.StartsWith("\r\n"u8))
        {
            return 0;
        }

        var from = Math.Max(0, searched - 3);
        var at = octets[from..].IndexOf("\r\n\r\n"u8);
        return at < 0 ? -1 : from + at + 2;
    }
}
