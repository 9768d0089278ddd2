using System.Text;
using MailFunctions.Core.Messages;

namespace MailFunctions.Protocols.Smtp;

/// <summary>What a session needs to know of a message's header section (RFC 5322 §2.2).</summary>
internal sealed class HeaderSection
{
    private HeaderSection()
    {
    }

    private const int MaxDeliveredTo = 100;

    public int ReceivedCount { get; private set; }

    /// <summary>Values of the first Delivered-To fields (RFC 9228).</summary>
    public List<string> DeliveredTo { get; } = [];

    public bool HasDate { get; private set; }

    public bool HasMessageId { get; private set; }

    /// <summary>A line is no field. What stands behind it was not looked at, and other readers may take it for fields.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Unfolded values of the From fields, UTF-8; RFC 5322 §3.6 allows one.</summary>
    public List<string> From { get; } = [];

    /// <summary>Looks for the end of the section; the position behind it, or -1 when it has not come yet.</summary>
    public static int FindEnd(ReadOnlySpan<byte> octets, int searchFrom)
    {
        if (octets.StartsWith("\r\n"u8))
        {
            return 2; // no header at all
        }

        var from = Math.Max(0, searchFrom - 3);
        var at = octets[from..].IndexOf("\r\n\r\n"u8);
        return at < 0 ? -1 : from + at + 4;
    }

    public static HeaderSection Parse(ReadOnlySpan<byte> octets)
    {
        var section = new HeaderSection();
        while (!octets.IsEmpty && !octets.StartsWith("\r\n"u8))
        {
            var end = HeaderField.End(octets);
            if (!section.Add(octets[..end]))
            {
                section.IsMalformed = true;
                break;
            }

            octets = octets[end..];
        }

        return section;
    }

    private bool Add(ReadOnlySpan<byte> field)
    {
        var colon = field.IndexOf((byte)':');
        var name = colon < 0 ? default : field[..colon].TrimEnd(" \t"u8);
        if (name.IsEmpty || name.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return false;
        }

        if (Ascii.EqualsIgnoreCase(name, "Received"u8))
        {
            ReceivedCount++;
        }
        else if (Ascii.EqualsIgnoreCase(name, "Delivered-To"u8) && DeliveredTo.Count < MaxDeliveredTo)
        {
            DeliveredTo.Add(Encoding.UTF8.GetString(field[(colon + 1)..]).Trim());
        }
        else if (Ascii.EqualsIgnoreCase(name, "Date"u8))
        {
            HasDate = true;
        }
        else if (Ascii.EqualsIgnoreCase(name, "Message-ID"u8))
        {
            HasMessageId = true;
        }
        else if (Ascii.EqualsIgnoreCase(name, "From"u8))
        {
            From.Add(Encoding.UTF8.GetString(field[(colon + 1)..]).Replace("\r\n", "", StringComparison.Ordinal));
        }

        return true;
    }
}
