using MailFunctions.Core.Addresses;

namespace MailFunctions.Protocols.Smtp;

/// <summary>Finds addresses anywhere in a text, as programs do that search instead of parsing.</summary>
internal static class AddressSearch
{
    private const string AtomPunctuation = "!#$%&'*+-/=?^_`{|}~.";

    /// <summary>Adds every address in the text; false when something looks like one and can't be read for sure.</summary>
    /// <param name="anyAt">An "@" alone looks like one, too: blanks may stand around it (RFC 5322 §3.4.1).</param>
    public static bool TryFindAll(string text, bool anyAt, ISet<EmailAddress> found)
    {
        for (var at = text.IndexOf('@'); at >= 0; at = text.IndexOf('@', at + 1))
        {
            var (start, end) = (at, at + 1);
            while (start > 0 && IsAtom(text[start - 1]))
            {
                start--;
            }

            while (end < text.Length && IsAtom(text[end]))
            {
                end++;
            }

            // Quotation marks, and the end of a sentence, are not the address's.
            var written = text[start..at];
            var local = written.TrimStart('\'') is { Length: > 0 } trimmed ? trimmed : written;
            var domain = text[(at + 1)..end].TrimEnd('.', '\'', '!', '?');
            if (local.Length == 0 || domain.Length == 0)
            {
                if (anyAt)
                {
                    return false;
                }

                continue; // "Anna @ Home"; what stands outside quotes has been parsed
            }

            if (EmailAddress.ParseReversePath($"{local}@{domain}") is not { } address)
            {
                return false;
            }

            found.Add(address);
        }

        return true;
    }

    private static bool IsAtom(char c) => char.IsAsciiLetterOrDigit(c) || AtomPunctuation.Contains(c) || c >= '\xA0';
}
