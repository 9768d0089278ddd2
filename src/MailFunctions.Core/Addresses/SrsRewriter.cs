using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace MailFunctions.Core.Addresses;

/// <summary>
/// The sender rewriting scheme: a forwarded message gets a reverse-path of ours, so that SPF (RFC 7208) passes at the next
/// host, and a returned report leads to the original sender. The digest keeps others from making such addresses, the day
/// from using them for long.
/// </summary>
public sealed class SrsRewriter(byte[] key, TimeProvider time)
{
    /// <summary>
    /// Days for which an address made here is good, as long as a report can take: five until we give up (RFC 5321 §4.5.4.1),
    /// five until the next host does, and one since a day is all that the address says.
    /// </summary>
    public const int ValidDays = 11;

    private const string Prefix = "SRS0=";
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";
    private const int DigestLetters = 8;
    private const int DayModulus = 32 * 32;

    /// <summary>The address of <paramref name="domain"/> that stands for a sender; null when it would be too long for one.</summary>
    public EmailAddress? Rewrite(EmailAddress sender, string domain)
    {
        var day = Letters(Today());
        var rest = $"{day}={sender.Domain}={sender.LocalPart}";
        var localPart = $"{Prefix}{Digest(rest)}={rest}";
        return sender.IsAddressLiteral || Encoding.UTF8.GetByteCount(localPart) > EmailAddress.MaxLocalPartOctets
            ? null
            : EmailAddress.Parse($"postmaster@{domain}")?.WithLocalPart(localPart);
    }

    /// <summary>The sender that an address was made for; null when it is none of ours, or too old.</summary>
    public EmailAddress? Unwrap(EmailAddress address)
    {
        if (!address.LocalPart.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)
            || address.LocalPart[Prefix.Length..].Split('=', 4) is not [var digest, [_, _] day, var domain, var localPart])
        {
            return null;
        }

        var expected = Digest($"{day}={domain}={localPart}");
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(digest.ToLowerInvariant()))
            || (Today() - Number(day) + DayModulus) % DayModulus > ValidDays)
        {
            return null;
        }

        return EmailAddress.ParseReversePath("postmaster@" + domain)?.WithLocalPart(localPart);
    }

    private int Today() => (int)(time.GetUtcNow().ToUnixTimeSeconds() / 86400 % DayModulus);

    private static string Letters(int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{Alphabet[number / 32]}{Alphabet[number % 32]}");

    private static int Number(string letters) =>
        (Alphabet.IndexOf(char.ToLowerInvariant(letters[0])) * 32) + Alphabet.IndexOf(char.ToLowerInvariant(letters[1]));

    // Intermediate servers may change the case of a local part.
    private string Digest(string text)
    {
        var digest = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text.ToLowerInvariant()));
        return string.Concat(digest.Take(DigestLetters).Select(o => Alphabet[o % Alphabet.Length]));
    }
}
