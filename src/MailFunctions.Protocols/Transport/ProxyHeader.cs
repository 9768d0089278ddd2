using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MailFunctions.Protocols.Transport;

/// <summary>What stands at the front of a connection that a proxy made.</summary>
public enum ProxyHeaderStatus
{
    /// <summary>More octets are needed.</summary>
    Incomplete,

    Complete,

    /// <summary>No PROXY header, or one that breaks the grammar.</summary>
    Invalid,
}

/// <summary>
/// A header of the PROXY protocol, version 1 or 2 (HAProxy's proxy-protocol.txt §2): for whom a proxy has opened the
/// connection. Never looks at what stands behind the header.
/// </summary>
/// <param name="Source">The client; null when the proxy speaks for itself (LOCAL) or does not know (UNKNOWN, UNSPEC, UNIX).</param>
/// <param name="Destination">What the client connected to; null together with <paramref name="Source"/>.</param>
public sealed record ProxyHeader(IPEndPoint? Source, IPEndPoint? Destination)
{
    /// <summary>§2.1: longest version 1 line, CRLF included.</summary>
    public const int LineOctets = 107;

    /// <summary>Longest version 2 header taken, type-length-values included; §2.2 asks for 536 octets at least.</summary>
    public const int MaxOctets = 4096;

    private const int FixedOctets = 16;

    private static readonly ProxyHeader Unknown = new(null, null);

    /// <summary>§2.2: no SMTP, POP3 or TLS client begins like this.</summary>
    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    private static ReadOnlySpan<byte> LineStart => "PROXY "u8;

    /// <summary>Reads the header off the front of the input; <paramref name="next"/> is behind it.</summary>
    public static ProxyHeaderStatus TryRead(in ReadOnlySequence<byte> input, out ProxyHeader? header, out SequencePosition next)
    {
        next = input.Start;
        Span<byte> octets = stackalloc byte[(int)Math.Min(input.Length, MaxOctets)];
        input.Slice(0, octets.Length).CopyTo(octets);
        var status = StartsLike(octets, Signature) ? ReadBinary(octets, out header, out var length)
            : StartsLike(octets, LineStart) ? ReadLine(octets, out header, out length)
            : Nothing(ProxyHeaderStatus.Invalid, out header, out length);
        if (status == ProxyHeaderStatus.Complete)
        {
            next = input.GetPosition(length);
        }

        return status;
    }

    // §2.2: signature, version and command, family and transport, length, addresses, type-length-values.
    private static ProxyHeaderStatus ReadBinary(ReadOnlySpan<byte> octets, out ProxyHeader? header, out int length)
    {
        if (octets.Length < FixedOctets)
        {
            // The version is known before the length is: garbage is not waited for.
            var isOther = octets.Length > 12 && octets[12] is not (0x20 or 0x21);
            return Nothing(isOther ? ProxyHeaderStatus.Invalid : ProxyHeaderStatus.Incomplete, out header, out length);
        }

        var (command, family) = (octets[12], octets[13]);
        length = FixedOctets + BinaryPrimitives.ReadUInt16BigEndian(octets[14..]);
        if (command is not (0x20 or 0x21) || length > MaxOctets)
        {
            return Nothing(ProxyHeaderStatus.Invalid, out header, out length);
        }

        if (octets.Length < length)
        {
            return Nothing(ProxyHeaderStatus.Incomplete, out header, out length);
        }

        var addresses = octets[FixedOctets..length];
        header = (command, family) switch
        {
            (0x20, _) => Unknown, // LOCAL: the block is skipped whatever it holds
            (_, 0x00) => Unknown, // UNSPEC
            (_, 0x11) => Endpoints(addresses, 4),
            (_, 0x21) => Endpoints(addresses, 16),
            (_, 0x31) => addresses.Length >= 216 ? Unknown : null, // UNIX
            _ => null, // datagrams do not come over TCP
        };
        return header is null ? ProxyHeaderStatus.Invalid : ProxyHeaderStatus.Complete;
    }

    // Two addresses, then two ports.
    private static ProxyHeader? Endpoints(ReadOnlySpan<byte> addresses, int size)
    {
        var ports = 2 * size;
        return addresses.Length < ports + 4
            ? null
            : new ProxyHeader(
                new IPEndPoint(new IPAddress(addresses[..size]), BinaryPrimitives.ReadUInt16BigEndian(addresses[ports..])),
                new IPEndPoint(new IPAddress(addresses[size..ports]), BinaryPrimitives.ReadUInt16BigEndian(addresses[(ports + 2)..])));
    }

    // §2.1: "PROXY" SP ("TCP4" / "TCP6") SP source SP destination SP port SP port CRLF, or "PROXY UNKNOWN" and anything.
    private static ProxyHeaderStatus ReadLine(ReadOnlySpan<byte> octets, out ProxyHeader? header, out int length)
    {
        var within = octets[..Math.Min(octets.Length, LineOctets)];
        var at = within.IndexOf("\r\n"u8);
        if (at < 0)
        {
            return Nothing(within.Length == LineOctets ? ProxyHeaderStatus.Invalid : ProxyHeaderStatus.Incomplete, out header, out length);
        }

        length = at + 2;
        var words = Encoding.Latin1.GetString(within[..at]).Split(' ');
        header = words switch
        {
            [_, "UNKNOWN", ..] => Unknown,
            [_, "TCP4", var source, var destination, var from, var to] =>
                Endpoints(AddressFamily.InterNetwork, source, destination, from, to),
            [_, "TCP6", var source, var destination, var from, var to] =>
                Endpoints(AddressFamily.InterNetworkV6, source, destination, from, to),
            _ => null,
        };
        return header is null ? ProxyHeaderStatus.Invalid : ProxyHeaderStatus.Complete;
    }

    private static ProxyHeader? Endpoints(AddressFamily family, string source, string destination, string from, string to) =>
        Address(family, source) is { } client && Port(from) is { } clientPort
        && Address(family, destination) is { } server && Port(to) is { } serverPort
            ? new ProxyHeader(new IPEndPoint(client, clientPort), new IPEndPoint(server, serverPort))
            : null;

    // IPAddress.TryParse also takes "1", "0x7f.1", "[::1]" and "fe80::1%eth0".
    private static IPAddress? Address(AddressFamily family, string text) =>
        text.All(c => char.IsAsciiHexDigit(c) || c is '.' or ':')
        && (family != AddressFamily.InterNetwork || (text.Count(c => c == '.') == 3 && text.All(c => char.IsAsciiDigit(c) || c == '.')))
        && IPAddress.TryParse(text, out var address) && address.AddressFamily == family
            ? address
            : null;

    // No leading zero (§2.1).
    private static int? Port(string text) =>
        text.Length is > 0 and <= 5 && (text.Length == 1 || text[0] != '0')
        && ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? port
            : null;

    private static bool StartsLike(ReadOnlySpan<byte> octets, ReadOnlySpan<byte> start) =>
        octets[..Math.Min(octets.Length, start.Length)].SequenceEqual(start[..Math.Min(octets.Length, start.Length)]);

    private static ProxyHeaderStatus Nothing(ProxyHeaderStatus status, out ProxyHeader? header, out int length)
    {
        (header, length) = (null, 0);
        return status;
    }
}
