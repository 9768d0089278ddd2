using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Outbound.Tls;

/// <summary>The field by which a sender says that arriving matters more than TLS (RFC 8689 §3).</summary>
internal static class TlsRequiredField
{
    private const string Name = "TLS-Required:";

    /// <summary>Looks into the header section of a stored message.</summary>
    public static async Task<bool> IsNoAsync(IMessageStore store, string blob, CancellationToken cancellationToken)
    {
        await using var content = await store.OpenReadAsync(blob, 0, cancellationToken);
        return content is not null && IsNo(System.Text.Encoding.Latin1.GetString(await OutgoingContent.ReadHeaderAsync(content, cancellationToken)));
    }

    internal static bool IsNo(string header)
    {
        var end = header.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        return (end < 0 ? header : header[..end]).Replace("\r\n ", " ", StringComparison.Ordinal).Replace("\r\n\t", " ", StringComparison.Ordinal).Split("\r\n")
            .Any(f => f.StartsWith(Name, StringComparison.OrdinalIgnoreCase) && f[Name.Length..].Trim().Equals("No", StringComparison.OrdinalIgnoreCase));
    }
}
