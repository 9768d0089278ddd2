using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace MailFunctions.Core.Addresses;

/// <summary>
/// A mailbox as RFC 5321 §4.1.2 has it, with RFC 6531 §3.3 local parts. Two addresses are equal when their
/// domains are the same name and their local parts the same letters in any case.
/// </summary>
public sealed class EmailAddress : IEquatable<EmailAddress>
{
    /// <summary>RFC 5321 §4.5.3.1.1, in octets of UTF-8.</summary>
    public const int MaxLocalPartOctets = 64;

    /// <summary>Longest address that is looked at, in octets of UTF-8; RFC 5321 §4.5.3.1.3 has paths to 256 at least.</summary>
    public const int MaxOctets = 512;

    private static readonly SearchValues<char> AtomText =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~");

    private EmailAddress(string localPart, string domain, bool isLiteral)
    {
        LocalPart = localPart;
        Domain = domain;
        IsAddressLiteral = isLiteral;
        Key = localPart.Normalize(NormalizationForm.FormC).ToLowerInvariant();
    }

    /// <summary>The local part as written, without quotes.</summary>
    public string LocalPart { get; }

    /// <summary>The domain in <see cref="DomainName"/>'s canonical form, or an address literal with its brackets.</summary>
    public string Domain { get; }

    /// <summary>The domain is an address literal (RFC 5321 §4.1.3).</summary>
    public bool IsAddressLiteral { get; }

    /// <summary>The local part as the directory knows it: NFC, lower case.</summary>
    public string Key { get; }

    /// <summary>SMTPUTF8 is needed to carry this address.</summary>
    public bool IsInternationalized => !Ascii.IsValid(LocalPart);

    /// <summary>Parses <c>local-part@domain</c>, without angle brackets; null when it is not an address.</summary>
    public static EmailAddress? Parse(string? text) => TryParse(text, out var address) ? address : null;

    /// <summary>
    /// Parses the address of a sender elsewhere, which is as its own server made it: a local part of any length within
    /// <see cref="MaxOctets"/> (forwarders and list servers write the recipient into it; RFC 5321 §4.5.3.1 asks for no
    /// limits where none are needed), dots in any place, underscores in the domain. <see cref="ToString"/> quotes what RFC 5321
    /// §4.1.2 wants quoted. A reader of such an address has to accept it.
    /// </summary>
    public static EmailAddress? ParseReversePath(string? text) =>
        TryParse(text, isReversePath: true, out var address) && Encoding.UTF8.GetByteCount(address.ToString()) <= MaxOctets
            ? address
            : null;

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse(string? text, [NotNullWhen(true)] out EmailAddress? address) =>
        TryParse(text, isReversePath: false, out address);

    private static bool TryParse(string? text, bool isReversePath, [NotNullWhen(true)] out EmailAddress? address)
    {
        address = null;
        if (string.IsNullOrEmpty(text) || text.Length > MaxOctets || Encoding.UTF8.GetByteCount(text) > MaxOctets
            || !TryReadLocalPart(text, anyDots: isReversePath, out var localPart, out var next))
        {
            return false;
        }

        if (next >= text.Length || text[next] != '@' || (!isReversePath && Encoding.UTF8.GetByteCount(localPart) > MaxLocalPartOctets))
        {
            return false;
        }

        var rest = text[(next + 1)..];
        if (rest.StartsWith('['))
        {
            if (!AddressLiteral.IsValid(rest))
            {
                return false;
            }

            address = new EmailAddress(localPart, rest.ToLowerInvariant(), isLiteral: true);
            return true;
        }

        if (!DomainName.TryNormalize(rest, out var domain, underscores: isReversePath))
        {
            return false;
        }

        address = new EmailAddress(localPart, domain, isLiteral: false);
        return true;
    }

    private static bool TryReadLocalPart(string text, bool anyDots, out string localPart, out int next)
    {
        localPart = "";
        next = 0;
        if (text[0] == '"')
        {
            return TryReadQuoted(text, out localPart, out next);
        }

        // Dot-string = Atom *("." Atom); UTF8-non-ascii joins atext (RFC 6531 §3.3).
        var atomStart = 0;
        var i = 0;
        for (; i < text.Length && text[i] != '@'; i++)
        {
            var c = text[i];
            if (c == '.')
            {
                if (i == atomStart && !anyDots)
                {
                    return false;
                }

                atomStart = i + 1;
            }
            else if (!AtomText.Contains(c) && !IsUtf8NonAscii(c))
            {
                return false;
            }
        }

        if (i == 0 || (i == atomStart && !anyDots) || HasLoneSurrogate(text.AsSpan(0, i)))
        {
            return false;
        }

        localPart = text[..i];
        next = i;
        return true;
    }

    private static bool TryReadQuoted(string text, out string localPart, out int next)
    {
        var content = new StringBuilder(text.Length);
        localPart = "";
        for (next = 1; next < text.Length; next++)
        {
            var c = text[next];
            if (c == '"')
            {
                next++;
                localPart = content.ToString();
                return localPart.Length > 0 && !HasLoneSurrogate(localPart);
            }

            if (c == '\\' && ++next < text.Length)
            {
                c = text[next]; // quoted-pairSMTP: any printable, space included
            }

            if (c is < ' ' or '\x7f' || (c > '\x7f' && !IsUtf8NonAscii(c)))
            {
                return false;
            }

            content.Append(c);
        }

        return false;
    }

    // U+FFFD is what a decoder leaves of octets that were no UTF-8.
    private static bool IsUtf8NonAscii(char c) => c >= '\xA0' && c is not ('\uFEFF' or '\uFFFD' or '\uFFFE' or '\uFFFF');

    private static bool HasLoneSurrogate(ReadOnlySpan<char> text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }

            if (i + 1 >= text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
            {
                return true;
            }

            i++;
        }

        return false;
    }

    /// <summary>The same domain with another local part, unquoted.</summary>
    public EmailAddress WithLocalPart(string localPart) => new(localPart, Domain, IsAddressLiteral);

    /// <summary>The address before its tag: `alice@…` for `alice+news@…`; itself where it has none.</summary>
    public EmailAddress WithoutTag() => Key.IndexOf('+') is > 0 and var plus ? WithLocalPart(Key[..plus]) : this;

    /// <summary>The wire form, quoted where RFC 5321 §4.1.2 asks for it.</summary>
    public override string ToString() => $"{QuoteIfNeeded(LocalPart)}@{Domain}";

    /// <summary>The form by which accounts are named in keys, logs and the admin API: lower case.</summary>
    public string ToCanonicalString() => $"{QuoteIfNeeded(Key)}@{Domain}";

    private static string QuoteIfNeeded(string localPart)
    {
        var atoms = localPart.Split('.');
        var plain = atoms.All(a => a.Length > 0 && a.All(c => AtomText.Contains(c) || IsUtf8NonAscii(c)));
        return plain ? localPart : $"\"{localPart.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"";
    }

    public bool Equals(EmailAddress? other) => other is not null && Key == other.Key && Domain == other.Domain;

    public override bool Equals(object? obj) => Equals(obj as EmailAddress);

    public override int GetHashCode() => HashCode.Combine(Key, Domain);
}
