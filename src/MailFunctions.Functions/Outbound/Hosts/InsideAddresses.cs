using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace MailFunctions.Functions.Outbound.Hosts;

/// <summary>
/// Addresses that are no mail server's on the Internet (RFC 6890 and its IANA registries): DNS and address literals must not
/// lead a message, or a request of ours, to a machine of the inside network.
/// </summary>
internal static class InsideAddresses
{
    private static readonly IPNetwork[] Networks = [.. new[]
    {
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "224.0.0.0/3",
        "168.63.129.16/32", // Azure's own host agent, in public space
        "::/128", "::1/128", "64:ff9b:1::/48", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    }.Select(n => IPNetwork.Parse(n))];

    /// <summary>Whether the address, or the IPv4 address that it stands for, is an inside one.</summary>
    public static bool Contains(IPAddress address) => Forms(address).Any(f => Networks.Any(n => n.Contains(f)));

    /// <summary>What a socket of the address's own family can connect to.</summary>
    public static IPAddress ToDial(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>The address as it is, and the IPv4 address that a translator would make of it.</summary>
    public static IEnumerable<IPAddress> Forms(IPAddress address)
    {
        yield return ToDial(address);
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || address.IsIPv4MappedToIPv6)
        {
            yield break;
        }

        var octets = address.GetAddressBytes();
        var (first, second) = (BinaryPrimitives.ReadUInt64BigEndian(octets), BinaryPrimitives.ReadUInt64BigEndian(octets.AsSpan(8)));
        var last = octets[12..];
        if (first == 0 && second >> 32 is 0 or 0xFFFF_0000)
        {
            yield return new IPAddress(last); // RFC 4291 §2.5.5.1: compatible; RFC 2765 §2.1: translated
        }
        else if (first == 0x0064_FF9B_0000_0000 && second >> 32 == 0)
        {
            yield return new IPAddress(last); // RFC 6052 §2.1: NAT64
        }
        else if (first >> 48 == 0x2002)
        {
            yield return new IPAddress(octets.AsSpan(2, 4)); // RFC 3056 §2: 6to4
        }
        else if (first >> 32 == 0x2001_0000)
        {
            yield return new IPAddress([.. last.Select(o => (byte)~o)]); // RFC 4380 §4: Teredo
        }
        else if ((second >> 32 & 0xFDFF_FFFF) == 0x0000_5EFE)
        {
            yield return new IPAddress(last); // RFC 5214 §6.1: ISATAP
        }
    }
}
