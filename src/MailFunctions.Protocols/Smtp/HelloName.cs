using MailFunctions.Core.Addresses;

namespace MailFunctions.Protocols.Smtp;

/// <summary>
/// The name that a client gives itself with EHLO or HELO. RFC 5321 §4.1.4 forbids refusing mail for it, so it is data: taken
/// as it comes, and written where a reply or a `Received:` field can hold it.
/// </summary>
internal static class HelloName
{
    /// <summary>RFC 5321 §4.5.3.1.2.</summary>
    public const int MaxLength = DomainName.MaxOctets;

    public static bool IsTaken(string text) => text.Length is > 0 and <= MaxLength && !text.Any(char.IsControl);

    /// <summary>The name as a domain in ASCII or an address literal (RFC 5321 §4.4, Extended-Domain); null when it is neither.</summary>
    public static string? AsDomain(string text) => AddressLiteral.IsValid(text) ? text
        : !DomainName.TryNormalize(text, out var domain, underscores: true) ? null
        : System.Text.Ascii.IsValid(text) ? text : domain;

    /// <summary>Printable ASCII that can stand in a comment (RFC 5322 §3.2.2, ctext), a question mark for all else.</summary>
    public static string AsText(string text) => AsDomain(text) ?? string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = source[i] is >= ' ' and <= '~' and not ('(' or ')' or '\\') ? source[i] : '?';
        }
    });
}
