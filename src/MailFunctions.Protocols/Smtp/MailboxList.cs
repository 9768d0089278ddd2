using System.Text;
using MailFunctions.Core.Addresses;

namespace MailFunctions.Protocols.Smtp;

/// <summary>The addresses in a From field (RFC 5322 §3.4, §3.6.2): display names, comments, angle brackets, groups.</summary>
internal static class MailboxList
{
    /// <summary>All addresses, or null when a part of the list is none: then nobody can say whom it names.</summary>
    public static IReadOnlyList<EmailAddress>? Parse(string field)
    {
        var addresses = new List<EmailAddress>();
        foreach (var part in SplitMailboxes(field))
        {
            if (part.Length == 0)
            {
                continue; // obs-mbox-list allows empty members (RFC 5322 §4.4)
            }

            if (EmailAddress.Parse(part) is not { } address)
            {
                return null;
            }

            addresses.Add(address);
        }

        return addresses;
    }

    /// <summary>The addr-spec text of each mailbox, comments and blanks taken out.</summary>
    private static List<string> SplitMailboxes(string field)
    {
        var parts = new List<string>();
        var bare = new StringBuilder();
        string? angle = null;
        for (var i = 0; i < field.Length; i++)
        {
            switch (field[i])
            {
                case '(':
                    i = SkipComment(field, i);
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
                    bare.Clear();
                    break;
                case ':' when angle is null: // the name of a group
                    bare.Clear();
                    break;
                case ',' or ';':
                    EndOfMailbox();
                    break;
                case ' ' or '\t':
                    break;
                default:
                    bare.Append(angle is null ? field[i] : "<");
                    break;
            }
        }

        EndOfMailbox();
        return parts;

        void EndOfMailbox()
        {
            parts.Add(angle is null ? bare.ToString() : bare.Length > 0 ? "<" : angle.Trim(' ', '\t'));
            angle = null;
            bare.Clear();
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
