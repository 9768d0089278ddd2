using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace MailFunctions.Core.Addresses;

/// <summary>Address literals: RFC 5321 §4.1.3.</summary>
public static class AddressLiteral
{
    private const string IPv6Tag = "IPv6:";

    private static readonly SearchValues<char> DigitsAndDot = SearchValues.Create("0123456789.");

    /// <summary>True for <c>[192.0.2.1]</c> and <c>[IPv6:2001:db8::1]</c>; general address literals have no registered tag.</summary>
    public static bool IsValid(string text)
    {
        if (text.Length < 3 || text[0] != '[' || text[^1] != ']')
        {
            return false;
        }

        var inner = text.AsSpan(1, text.Length - 2);
        if (inner.StartsWith(IPv6Tag, StringComparison.OrdinalIgnoreCase))
        {
            var v6 = inner[IPv6Tag.Length..];
            return !v6.ContainsAny("[]%/") && IPAddress.TryParse(v6, out var six)
                && six.AddressFamily == AddressFamily.InterNetworkV6;
        }

        // IPAddress.TryParse also takes "1" and "0x7f.1": four decimal parts are asked for here.
        return inner.Count('.') == 3 && !inner.ContainsAnyExcept(DigitsAndDot)
            && IPAddress.TryParse(inner, out var four) && four.AddressFamily == AddressFamily.InterNetwork;
    }

    /// <summary>The literal that names an address, for HELO checks and <c>Received:</c>.</summary>
    public static string For(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        return address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{IPv6Tag}{address}]" : $"[{address}]";
    }
}
