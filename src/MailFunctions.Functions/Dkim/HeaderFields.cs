using System.Buffers;
using System.Text;
using MailFunctions.Core.Messages;

namespace MailFunctions.Functions.Dkim;

/// <summary>The fields of a header section by name, each as its octets stand, and what of them is signed.</summary>
internal sealed class HeaderFields
{
    /// <summary>
    /// RFC 6376 §5.4, §8.15: signed once more than they occur, so that none can be added later.
    /// </summary>
    private static readonly string[] Oversigned =
    [
        "from", "to", "cc", "subject", "date", "message-id", "reply-to", "in-reply-to", "references",
        "mime-version", "content-type", "content-transfer-encoding",
    ];

    /// <summary>RFC 6376 §5.4.1 and RFC 8058 §4: signed where they occur. Mailing lists may add their own.</summary>
    private static readonly string[] SignedWherePresent =
    [
        "sender", "content-id", "content-description", "content-disposition", "auto-submitted",
        "resent-date", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id",
        "list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner", "list-archive",
    ];

    /// <summary>Of one name; further up they are not signed, so that the signature stays short.</summary>
    private const int MaxInstances = 20;

    private readonly Dictionary<string, List<ReadOnlyMemory<byte>>> _fields = new(StringComparer.OrdinalIgnoreCase);

    private HeaderFields()
    {
    }

    /// <param name="header">Up to the empty line, or the whole message when it has none.</param>
    public static HeaderFields Parse(ReadOnlyMemory<byte> header)
    {
        var fields = new HeaderFields();
        while (!header.IsEmpty)
        {
            var end = HeaderField.End(header.Span);
            fields.Add(header[..end]);
            header = header[end..];
        }

        return fields;
    }

    /// <summary>The value of the From field; null when there is not exactly one (RFC 5322 §3.6).</summary>
    public ReadOnlyMemory<byte>? From => _fields.TryGetValue("from", out var from) && from is [var only]
        ? only[(only.Span.IndexOf((byte)':') + 1)..]
        : default(ReadOnlyMemory<byte>?);

    /// <summary>
    /// Names for the tag `h=`, and the fields in relaxed form as the hash takes them: those of one name from the bottom up
    /// (RFC 6376 §5.4.2).
    /// </summary>
    public (IReadOnlyList<string> Names, byte[] Octets) Canonicalize()
    {
        var names = new List<string>();
        var canonical = new ArrayBufferWriter<byte>(4096);
        foreach (var name in Oversigned.Concat(SignedWherePresent))
        {
            var instances = _fields.GetValueOrDefault(name) ?? [];
            foreach (var field in Enumerable.Reverse(instances).Take(MaxInstances))
            {
                names.Add(name);
                WriteRelaxed(field.Span, canonical);
                canonical.Write("\r\n"u8);
            }
        }

        return ([.. names, .. Oversigned], canonical.WrittenSpan.ToArray()); // the extra one is absent: hashed as nothing
    }

    /// <summary>RFC 6376 §3.4.2, without the line break at the end.</summary>
    public static void WriteRelaxed(ReadOnlySpan<byte> field, IBufferWriter<byte> output)
    {
        var colon = field.IndexOf((byte)':');
        output.Write(Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(field[..colon]).TrimEnd(' ', '\t').ToLowerInvariant()));
        output.Write(":"u8);
        var space = false;
        var any = false;
        for (var i = colon + 1; i < field.Length; i++)
        {
            if (field[i] == '\r' && i + 1 < field.Length && field[i + 1] == '\n')
            {
                i++; // unfolded
            }
            else if (field[i] is (byte)' ' or (byte)'\t')
            {
                space = any; // none at the beginning
            }
            else
            {
                if (space)
                {
                    output.Write(" "u8);
                    space = false;
                }

                any = true;
                output.Write(field.Slice(i, 1));
            }
        }
    }

    private void Add(ReadOnlyMemory<byte> field)
    {
        var colon = field.Span.IndexOf((byte)':');
        if (colon <= 0)
        {
            return; // no field
        }

        var name = Encoding.ASCII.GetString(field.Span[..colon]).TrimEnd(' ', '\t');
        if (!_fields.TryGetValue(name, out var instances))
        {
            _fields.Add(name, instances = []);
        }

        instances.Add(field);
    }
}
