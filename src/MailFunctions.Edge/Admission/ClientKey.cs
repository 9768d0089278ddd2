using System.Net;
using System.Net.Sockets;

namespace MailFunctions.Edge.Admission;

/// <summary>By what a client is counted: its IPv4 address, or its IPv6 /64, since a host commonly owns a whole one.</summary>
internal static class ClientKey
{
    public static IPAddress For(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        Span<byte> octets = stackalloc byte[16];
        address.TryWriteBytes(octets, out _);
        octets[8..].Clear();
        return new IPAddress(octets);
    }
}
