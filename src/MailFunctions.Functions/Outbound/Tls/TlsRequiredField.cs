using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Outbound.Tls;

/// <summary>The field by which a sender says that delivery matters more than TLS (RFC 8689 §3).</summary>
internal static class TlsRequiredField
{
    private const string Name = "TLS-Required:";
    private const int MaxHeaderOctets = 1024 * 1024;

    /// <summary>Reads the header section of a stored message.</summary>
    public static async Task<bool> IsNoAsync(IMessageStore store, string blob, CancellationToken cancellationToken)
    {
        await using var content = await store.OpenReadAsync(blob, 0, cancellationToken);
        return content is not null && IsNo(System.Text.Encoding.Latin1.GetString(await ReadHeaderAsync(content, cancellationToken)));
    }

    internal static bool IsNo(string header)
    {
        var end = header.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var unfolded = (end < 0 ? header : header[..end])
            .Replace("\r\n ", " ", StringComparison.Ordinal).Replace("\r\n\t", " ", StringComparison.Ordinal);
        return unfolded.Split("\r\n").Any(f =>
            f.StartsWith(Name, StringComparison.OrdinalIgnoreCase)
            && f[Name.Length..].Trim().Equals("No", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Up to the empty line and a little more, or to the bound.</summary>
    private static async Task<byte[]> ReadHeaderAsync(Stream content, CancellationToken cancellationToken)
    {
        var header = new MemoryStream();
        var buffer = new byte[4096];
        while (header.Length < MaxHeaderOctets)
        {
            var read = await content.ReadAsync(buffer, cancellationToken);
            var before = Math.Max(0, (int)header.Length - 3);
            header.Write(buffer, 0, read);
            if (read == 0 || header.GetBuffer().AsSpan(before, (int)header.Length - before).IndexOf("\r\n\r\n"u8) >= 0)
            {
                break;
            }
        }

        return header.ToArray();
    }
}
