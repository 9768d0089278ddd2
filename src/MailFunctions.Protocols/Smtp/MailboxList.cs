using System.Text;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Protocols.Smtp;

/// <summary>
/// The authors that a From field names (RFC 5322 §3.4, §3.6.2): display names, comments, angle brackets, groups. Readers
/// differ where a field is not what the grammar says, so every address that any of them may take for an author is one here.
/// </summary>
internal static class MailboxList
{
    /// <summary>All authors, each once, or null when a part of the field can't be read for sure.</summary>
    public static IReadOnlyList<EmailAddress>? Parse(string field)
    {
        var authors = new HashSet<EmailAddress>();
        foreach (var part in SplitMailboxes(field).Where(p => p.Length > 0)) // obs-mbox-list allows empty members (RFC 5322 §4.4)
        {
            if (EmailAddress.Parse(part) is not { } address)
            {
                return null;
            }

            authors.Add(address);
        }

        // Some readers search for addresses, and some decode the display names before they parse.
        if (EncodedWords.Decode(field) is not { } decoded
            || !AddressSearch.TryFindAll(field, anyAt: false, authors)
            || (decoded != field && !AddressSearch.TryFindAll(decoded, anyAt: true, authors)))
        {
            return null;
        }

        authors.UnionWith(SplitMailboxes(decoded).Select(EmailAddress.Parse).OfType<EmailAddress>());
        return [.. authors];
    }

    /// <summary>The addr-spec text of each mailbox, comments and blanks taken out.</summary>
    private static List<string> SplitMailboxes(string field)
    {
        var parts = new List<string>();
        var bare = new StringBuilder();
        var isPlain = true;
        string? angle = null;
        for (var i = 0; i < field.Length; i++)
        {
            switch (field[i])
            {
                case '(':
                    i = SkipComment(field, i);
                    if (i == field.Length)
                    {
                        parts.Add("("); // without an end
                    }

                    break;
                case '"':
                    var end = QuotedEnd(field, i);
                    bare.Append(field, i, end - i + 1);
                    i = end;
                    break;
                case '<':
                    var close = AngleEnd(field, i);
                    // Two in one mailbox, or one without an end: kept apart so that neither passes for an address.
                    angle = angle is null && close > 0 ? field[(i + 1)..close] : "<";
                    i = close > 0 ? close : field.Length;
                    EndOfPhrase();
                    break;
                case ':' when angle is null: // the name of a group
                    EndOfPhrase();
                    break;
                case ',' or ';':
                    EndOfMailbox();
                    break;
                case ' ' or '\t':
                    break;
                default:
                    isPlain &= !"@>)[]\\".Contains(field[i], StringComparison.Ordinal);
                    bare.Append(angle is null ? field[i] : "<");
                    break;
            }
        }

        EndOfMailbox();
        return parts;

        // RFC 5322 §3.2.5: a phrase has no specials but in quotes. Some readers take one with an "@" for an address of its own.
        void EndOfPhrase()
        {
            if (!isPlain)
            {
                parts.Add(bare.ToString());
            }

            bare.Clear();
            isPlain = true;
        }

        void EndOfMailbox()
        {
            parts.Add(angle is null ? bare.ToString() : bare.Length > 0 ? "<" : angle.Trim(' ', '\t'));
            angle = null;
            bare.Clear();
            isPlain = true;
        }
    }

    private static int SkipComment(string field, int open)
    {
        var depth = 0;
        for (var i = open; i < field.Length; i++)
        {
            switch (field[i])
            {
                case '\\':
                    i++;
                    break;
                case '(':
                    depth++;
                    break;
                case ')' when --depth == 0:
                    return i;
            }
        }

        return field.Length;
    }

    private static int QuotedEnd(string field, int open)
    {
        for (var i = open + 1; i < field.Length; i++)
        {
            if (field[i] == '\\')
            {
                i++;
            }
            else if (field[i] == '"')
            {
                return i;
            }
        }

        return field.Length - 1;
    }

    private static int AngleEnd(string field, int open)
    {
        for (var i = open + 1; i < field.Length; i++)
        {
            if (field[i] == '"')
            {
                i = QuotedEnd(field, i);
            }
            else if (field[i] == '>')
            {
                return i;
            }
        }

        return -1;
    }
}
