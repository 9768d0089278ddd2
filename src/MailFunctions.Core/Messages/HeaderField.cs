namespace MailFunctions.Core.Messages;

/// <summary>Fields of a header section, in octets.</summary>
public static class HeaderField
{
    /// <summary>
    /// Where the first field ends: after its line break and those of its folded lines (RFC 5322 §2.2.3), or at the end of
    /// what is there.
    /// </summary>
    public static int End(ReadOnlySpan<byte> octets)
    {
        var end = 0;
        do
        {
            var at = octets[end..].IndexOf("\r\n"u8);
            if (at < 0)
            {
                return octets.Length;
            }

            end += at + 2;
        }
        while (end < octets.Length && octets[end] is (byte)' ' or (byte)'\t');

        return end;
    }
}
