using System.Buffers;
using System.Globalization;
using System.Text;

namespace MailFunctions.Functions.Accounts.Messages;

/// <summary>What a line of an mbox file is.</summary>
internal enum MboxLineKind
{
    /// <summary>More octets have to be seen.</summary>
    Incomplete,
    Separator,
    Blank,

    /// <summary>Text that begins with `From ` behind one or more `&gt;`.</summary>
    Quoted,
    Plain,
    End,
}

/// <summary>A line of an mbox file, looked at from its beginning.</summary>
/// <param name="Octets">Of a separator and of a blank line, with its break.</param>
/// <param name="Date">Of a separator: when the message was received, if it says so.</param>
/// <param name="ContentLength">Of a plain line: the value, if it is that header field.</param>
internal readonly record struct MboxLine(MboxLineKind Kind, long Octets = 0, DateTimeOffset? Date = null, long? ContentLength = null)
{
    /// <summary>How far a line and the one behind it are looked into: the longest `From ` line, and field name.</summary>
    public const int MaxSeen = 2000;

    private static readonly byte[] LengthField = "content-length:"u8.ToArray();

    /// <param name="isFirst">The file's first line: a header-less message may follow.</param>
    /// <param name="maySeparate">A line `From ` may be a separator here.</param>
    public static MboxLine Read(ReadOnlySequence<byte> buffer, bool complete, bool isFirst, bool maySeparate)
    {
        if (buffer.IsEmpty)
        {
            return new MboxLine(complete ? MboxLineKind.End : MboxLineKind.Incomplete);
        }

        var mayGrow = buffer.Length < MaxSeen && !complete;
        var reader = new SequenceReader<byte>(buffer.Length > MaxSeen ? buffer.Slice(0, MaxSeen) : buffer);
        if (reader.IsNext("\n"u8) || reader.IsNext("\r\n"u8))
        {
            return new MboxLine(MboxLineKind.Blank, reader.IsNext((byte)'\n') ? 1 : 2);
        }

        var marks = reader.AdvancePast((byte)'>');
        if (!reader.IsNext("From "u8, advancePast: true))
        {
            return mayGrow && MayBecomeMore(reader) ? default : new MboxLine(MboxLineKind.Plain, ContentLength: ReadLength(buffer));
        }

        if (marks > 0 || !(maySeparate || isFirst))
        {
            return new MboxLine(marks > 0 ? MboxLineKind.Quoted : MboxLineKind.Plain);
        }

        if (!reader.TryReadTo(out ReadOnlySequence<byte> rest, (byte)'\n'))
        {
            return new MboxLine(mayGrow ? MboxLineKind.Incomplete : MboxLineKind.Plain);
        }

        if (!MboxSeparator.TryParse(rest.ToArray(), out var date))
        {
            return new MboxLine(MboxLineKind.Plain);
        }

        return (isFirst ? true : IsFieldNext(reader, mayGrow)) switch
        {
            true => new MboxLine(MboxLineKind.Separator, reader.Consumed, date),
            false => new MboxLine(MboxLineKind.Plain),
            null => default,
        };
    }

    /// <summary>What is seen so far may be the beginning of `From `, of a line break, or of a Content-Length field.</summary>
    private static bool MayBecomeMore(SequenceReader<byte> reader)
    {
        var seen = reader.UnreadSequence.ToArray();
        return (seen.Length < 5 && "From "u8.StartsWith(seen))
            || (reader.Consumed == 0 && (seen is [(byte)'\r'] || (IsLengthField(seen) && !seen.Contains((byte)'\n'))));
    }

    // The field's name, or as much of it as is there.
    private static bool IsLengthField(ReadOnlySpan<byte> seen)
    {
        var common = Math.Min(seen.Length, LengthField.Length);
        return Ascii.EqualsIgnoreCase(seen[..common], LengthField.AsSpan(0, common));
    }

    private static long? ReadLength(ReadOnlySequence<byte> buffer)
    {
        var line = buffer.Slice(0, Math.Min(buffer.Length, LengthField.Length + 32)).ToArray();
        var end = Array.IndexOf(line, (byte)'\n');
        const NumberStyles Blanks = NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite;
        return end > LengthField.Length && IsLengthField(line)
            && long.TryParse(line.AsSpan(LengthField.Length..end), Blanks, null, out var octets)
            ? octets
            : null;
    }

    /// <summary>A header field begins here, or a `From ` line of an earlier hop; null: more has to be seen.</summary>
    private static bool? IsFieldNext(SequenceReader<byte> reader, bool mayGrow)
    {
        if (reader.IsNext(">From "u8))
        {
            return true;
        }

        var length = 0;
        while (reader.TryRead(out var octet))
        {
            // RFC 5322 §2.2: printable US-ASCII but the colon; §4.5.8 has blanks before the colon.
            if (octet == ':')
            {
                return length > 0;
            }

            if (octet is (byte)' ' or (byte)'\t' && length > 0)
            {
                reader.AdvancePastAny((byte)' ', (byte)'\t');
                return reader.TryPeek(out var next) ? next == ':' : mayGrow ? null : false;
            }

            if (octet is <= 32 or >= 127)
            {
                return false;
            }

            length++;
        }

        return mayGrow ? null : false;
    }
}
